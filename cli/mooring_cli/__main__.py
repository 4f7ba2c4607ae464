"""The `mooring` command: one group of commands, and how their failures are told."""

import signal
import socket
import sys
from types import FrameType

import click

from mooring import __version__
from mooring.errors import MooringError
from mooring.settings import LocalSettings, SettingsError
from mooring_cli import (
    add,
    calls,
    claiming,
    cost,
    deploy,
    importing,
    keys,
    login,
    logs,
    plan,
    profile,
    releases,
    search,
    servers,
)
from mooring_cli.failures import Failure, failure


class _Commands(click.Group):
    """Tells what Mooring raises the way click tells its own errors: exit code 1, or 2 for wrong usage."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except MooringError as error:
            raise failure(error) from error
        except SettingsError as error:
            raise Failure(str(error), "Correct the variable, or unset it") from error
        except BrokenPipeError:
            ctx.exit(1)  # nobody reads our output any more
        except (ConnectionError, TimeoutError, socket.gaierror) as error:
            raise Failure(
                f"Mooring cannot be reached: {error}", "Is it running? Start it: make up"
            ) from error
        except OSError as error:
            raise Failure(str(error)) from error


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="mooring")
def mooring() -> None:
    """Host STDIO MCP servers and use them from anywhere.

    Talks to the Mooring of MOORING_URL, or else to the one that runs in MOORING_HOME, or else to the one of
    `mooring login`.
    """


@mooring.command()
def up() -> None:
    """Run Mooring on this machine until Ctrl-C."""
    from mooring_local import up  # the whole platform; the other commands start without it

    try:
        up.run(LocalSettings.read())
    except up.CannotStart as error:
        raise Failure(str(error)) from error


mooring.add_command(add.add)
mooring.add_command(deploy.deploy)
mooring.add_command(releases.releases)
mooring.add_command(plan.plan)
mooring.add_command(plan.init)
mooring.add_command(importing.import_servers)
mooring.add_command(servers.list_servers)
mooring.add_command(servers.show)
mooring.add_command(servers.remove)
mooring.add_command(search.search)
mooring.add_command(servers.tools)
mooring.add_command(servers.url)
mooring.add_command(calls.call)
mooring.add_command(calls.connect)
mooring.add_command(logs.logs)
mooring.add_command(keys.keys)
mooring.add_command(login.login)
mooring.add_command(login.logout)
mooring.add_command(login.whoami)
mooring.add_command(claiming.claim)
mooring.add_command(claiming.claims)
mooring.add_command(profile.profile)
mooring.add_command(cost.cost)


def main() -> None:
    signal.signal(signal.SIGTERM, _exit)
    mooring(prog_name="mooring")


def _exit(signum: int, frame: FrameType | None) -> None:
    # As an exception it ends the installers we started and removes what they have built so far.
    sys.exit(128 + signum)


if __name__ == "__main__":
    main()

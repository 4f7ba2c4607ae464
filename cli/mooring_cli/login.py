"""`mooring login`, `logout` and `whoami`: which Mooring the commands talk to, and as whom."""

import sys
from urllib.parse import urlsplit

import click

from mooring.client.registry import Json, Registry
from mooring.errors import MooringError, Unauthorized
from mooring.settings import LocalSettings
from mooring_cli import credentials, output
from mooring_cli.credentials import Login
from mooring_cli.failures import Failure
from mooring_cli.target import LOOPBACK, Target, pass_target, running_here, ws_url_of


@click.command()
@click.argument("url", required=False)
@output.as_json
def login(url: str | None, as_json: bool) -> None:
    """Keep the API key of a Mooring for the commands that follow.

    URL is its address; without one, the Mooring that runs in MOORING_HOME and its operator's key are taken.
    The key is asked for, or read from standard input, or taken from MOORING_API_KEY.
    """
    settings = LocalSettings.read()
    wanted = _named(url, settings.api_key) if url else _local(settings)
    about = _checked(wanted)
    path = credentials.keep(wanted)
    if as_json:
        output.print_json({"url": wanted.url, **about})
        return
    _print_self(wanted.url, about)
    click.echo(f"The key is kept in {path}", err=True)


@click.command()
@click.argument("url", required=False)
def logout(url: str | None) -> None:
    """Forget the key of a Mooring: of URL, or of the one that was logged in to last. The key stays valid."""
    forgotten = credentials.forget(url)
    if forgotten is None:
        raise Failure(
            f"You are not logged in{f' to {url}' if url else ''}", "See who you are: mooring whoami"
        )
    click.echo(f"Logged out of {forgotten}", err=True)


@click.command()
@output.as_json
@pass_target
def whoami(target: Target, as_json: bool) -> None:
    """Show which Mooring the commands talk to, whom your key speaks for, and what it may do."""
    about = target.registry.whoami()
    if as_json:
        output.print_json({"url": target.url, **about})
    else:
        _print_self(target.url, about)


def _named(url: str, api_key: str) -> Login:
    url = url.rstrip("/")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
        raise Failure(f"{url} is no address of a Mooring", "Give it as https://host")
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        raise Failure(f"{url} would get your key in clear", "Give its https address")
    return Login(url, ws_url_of(url), api_key or _asked(url))


def _asked(url: str) -> str:
    if sys.stdin.isatty():
        key = click.prompt(f"API key of {url}", hide_input=True, err=True)
    else:
        key = sys.stdin.readline()
    key = str(key).strip()
    if not key.isascii() or not key or any(character.isspace() for character in key):
        raise Failure("That is no API key", "An admin makes one: mooring keys create <name>")
    return key


def _local(settings: LocalSettings) -> Login:
    run = running_here(settings)
    if run is None:
        raise Failure(
            "Mooring is not running here", "Start it: make up. Or name another one: mooring login <url>"
        )
    return Login(run["url"], run["ws_url"], run["api_key"])


def _checked(wanted: Login) -> Json:
    """Return whom the key speaks for; raises Failure if it is none, or nothing there is a Mooring."""
    registry = Registry(wanted.url, wanted.api_key)
    try:
        about = registry.whoami()
        if {"read", "admin"} & set(about["scopes"]):
            registry.servers(page_size=1)
    except Unauthorized as error:
        raise Failure(error.message, "An admin makes a key: mooring keys create <name>") from error
    except (MooringError, ValueError, KeyError, TypeError) as error:
        raise Failure(f"{wanted.url} does not answer as a Mooring: {error}", "Check the address") from error
    return about


def _print_self(url: str, about: Json) -> None:
    rows = [
        (url, about["principal"], ", ".join(about["scopes"]), ", ".join(about["namespaces"]) or "none"),
    ]
    output.print_table(("MOORING", "YOU ARE", "MAY", "NAMESPACES"), rows)

"""`make test-servers`: build, host and start well-known public servers of npm and PyPI, as they are.

Each is built with `mooring add` in a Mooring of its own home, its tools are listed (none is called), and it
is started through Mooring and by hand in turn. Ends with 0 when every server that is expected to work does.
"""

import argparse
import asyncio
import contextlib
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import uvloop

from benchmarks import mooring_stack, public_servers, trial, workspace
from benchmarks.machine import machine
from benchmarks.public_servers import PublicServer
from benchmarks.servers_report import described, markdown, written
from benchmarks.trial import Outcome, Place
from mooring import trees

_STARTS = 3


def main() -> int:
    options = _options()
    wanted = [one for one in public_servers.read() if not options.only or one.name in options.only]
    unknown = set(options.only or ()) - {one.name for one in wanted}
    if unknown:
        print(f"{public_servers.FILE.name} has no {', '.join(sorted(unknown))}", file=sys.stderr)
        return 2
    workspace.prepare()
    outcomes = uvloop.run(_attempts(wanted, options.starts, options.keep))
    table = markdown(outcomes, machine(), options.starts)
    print(table)
    if options.write:
        options.write.write_text(written(options.write.read_text(encoding="utf-8"), table), encoding="utf-8")
    return 0 if all(outcome.is_as_expected for outcome in outcomes) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make test-servers", description=__doc__)
    parser.add_argument("--only", action="append", metavar="NAME", help="this server; may be given again")
    parser.add_argument(
        "--keep", action="store_true", help="leave the home with all bundles, and say where it is"
    )
    parser.add_argument("--starts", type=int, default=_STARTS, metavar="N", help="starts each way, 3")
    parser.add_argument(
        "--write", type=Path, metavar="FILE", help="put the table into this page, between its marks"
    )
    return parser.parse_args()


async def _attempts(servers: Sequence[PublicServer], starts: int, keep: bool) -> list[Outcome]:
    outcomes = []
    async with _place(keep) as place:
        for number, server in enumerate(servers, 1):
            outcome = await trial.attempt(server, place, starts)
            print(f"{number}/{len(servers)} {described(outcome)}", file=sys.stderr, flush=True)
            outcomes.append(outcome)
            if not keep:
                await trial.remove(server, place)
    return outcomes


@contextlib.asynccontextmanager
async def _place(keep: bool) -> AsyncIterator[Place]:
    home = Path(tempfile.mkdtemp(prefix="mooring-servers-"))
    try:
        async with mooring_stack.serving(str(home)) as (run, _):
            yield Place(home, run["ws_url"], run["api_key"])
    finally:
        if keep:
            print(f"MOORING_HOME={home} has the bundles", file=sys.stderr)
        else:
            await asyncio.to_thread(trees.remove, home)
            shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())

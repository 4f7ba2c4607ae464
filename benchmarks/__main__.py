"""`python -m benchmarks`: measure Mooring and its peers, print markdown tables."""

import argparse
import dataclasses
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

import uvloop

from benchmarks import child, cold_start, mooring_stack, workspace
from benchmarks.child import Child
from benchmarks.installation import NotInstalled
from benchmarks.machine import machine
from benchmarks.measure import Sheet, measure
from benchmarks.mooring_worker import WORKER
from benchmarks.peers import PEERS
from benchmarks.plan import FULL, QUICK, Plan
from benchmarks.report import Summary, markdown
from benchmarks.stdio_target import RAW
from benchmarks.target import Target


def main() -> None:
    options = _options()
    plan = QUICK if options.quick else FULL
    if options.rounds:
        plan = dataclasses.replace(plan, rounds=options.rounds)
    workspace.prepare()
    echo = child.build()
    with mooring_stack.temporary_home() as home:
        candidates = [RAW, mooring_stack.target(home), WORKER]
        missing: dict[str, str] = {}
        if not options.no_peers:
            candidates += _installed_peers(options.only, missing)
        targets = [target for target in candidates if target is RAW or _is_wanted(target.name, options.only)]
        rounds = uvloop.run(_rounds(targets, echo, plan))
    summary = Summary(rounds, RAW.name)
    print(_heading(echo, plan))
    print(markdown(targets, missing, summary, plan.sessions))
    print(f"**Cold start of a function, median of {plan.cold_starts} fresh processes**\n")
    print(cold_start.table(runs=plan.cold_starts))
    if options.json:
        _write_json(options.json, rounds, summary, targets)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round, about a minute")
    parser.add_argument("--rounds", type=int, metavar="N", help="visit every target N times")
    parser.add_argument(
        "--only", default="", metavar="NAME,...", help="targets whose name contains one of these"
    )
    parser.add_argument(
        "--no-peers", action="store_true", help="only raw stdio and Mooring; installs nothing"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every round and the medians there")
    return parser.parse_args()


def _is_wanted(name: str, only: str) -> bool:
    return not only or any(part.strip().lower() in name.lower() for part in only.split(","))


def _installed_peers(only: str, missing: dict[str, str]) -> list[Target]:
    targets = []
    for peer in PEERS:
        if not _is_wanted(peer.name, only):
            continue
        try:
            peer.package.install()
        except NotInstalled as reason:
            missing[peer.name] = str(reason)
        else:
            targets.append(peer.target())
    return targets


async def _rounds(targets: Sequence[Target], echo: Child, plan: Plan) -> list[dict[str, Sheet]]:
    """Visit every target in every round, so that a slow moment of the machine does not hit one alone."""
    rounds = []
    for number in range(plan.rounds):
        sheets: dict[str, Sheet] = {}
        first = number * len(targets) // plan.rounds  # and each round begins with another one
        for target in [*targets[first:], *targets[:first]]:
            began = perf_counter()
            sheets[target.name] = sheet = await measure(target, echo, plan)
            said = f"round {number + 1}/{plan.rounds}, {target.name}: {perf_counter() - began:.0f} s"
            print("; ".join([said, *sheet.errors]), file=sys.stderr, flush=True)
        rounds.append(sheets)
    return rounds


def _heading(echo: Child, plan: Plan) -> str:
    return f"{machine()}; child in {echo.language}; {plan.rounds} round(s), medians\n"


def _write_json(
    path: Path, rounds: Sequence[dict[str, Sheet]], summary: Summary, targets: Sequence[Target]
) -> None:
    content = {
        "rounds": [{name: dataclasses.asdict(sheet) for name, sheet in sheets.items()} for sheets in rounds],
        "medians": summary.as_json(targets),
    }
    path.write_text(json.dumps(content, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()

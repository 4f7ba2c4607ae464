"""`python -m benchmarks.builds`: how long the bundle of an npm server takes, against `npm ci` of the same.

Both install the same packages from the same warm npm cache into an empty folder, in turn: `npm ci` from a
lock, and Mooring as `mooring add npm:…` does, with the digest, the modes and the description of a bundle.
"""

import argparse
import os
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from time import perf_counter

from benchmarks.machine import machine
from mooring import trees
from mooring_local import bundles

_PACKAGES = [
    "@modelcontextprotocol/server-sequential-thinking@2026.8.31",
    "@modelcontextprotocol/server-memory@2026.8.31",
]
_RUNS = 5
_NPM_SECONDS = 300
_HEAD = "| package | files | npm ci, s | bundle, s | npm ci, CPU s | bundle, CPU s |"
_QUIET = ("--omit=dev", "--no-audit", "--no-fund", "--loglevel=error")


@dataclass
class _Times:
    seconds: list[float] = field(default_factory=list)
    cpu_seconds: list[float] = field(default_factory=list)
    """Of the programs that were started and of this one."""

    def take(self, work: Callable[[], object]) -> None:
        began, cpu_began = perf_counter(), _cpu_seconds()
        work()
        self.seconds.append(perf_counter() - began)
        self.cpu_seconds.append(_cpu_seconds() - cpu_began)


def main() -> None:
    options = _options()
    print(
        f"{machine()}; {options.runs} runs of each in turn, medians; in brackets the median of the ratios\n"
    )
    print(f"{_HEAD}\n|---{'|---:' * 5}|")
    for package in options.packages or _PACKAGES:
        with tempfile.TemporaryDirectory(prefix="mooring-builds-") as folder:
            print(_row(package, Path(folder), options.runs), flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.builds", description=__doc__)
    parser.add_argument("packages", nargs="*", metavar="PACKAGE", help="such as name@1.2.3")
    parser.add_argument("--runs", type=int, default=_RUNS, metavar="N")
    return parser.parse_args()


def _row(package: str, folder: Path, runs: int) -> str:
    os.environ["NPM_CONFIG_CACHE"] = str(folder / "cache")
    lock = folder / "lock"
    _empty(lock)
    # The fastest lock: it says where each package is from, whatever npm is set up for on this machine.
    _npm(lock, "install", "--omit-lockfile-registry-resolved=false", package)
    files = sum(1 for _ in trees.files(lock))
    ci, bundle = _Times(), _Times()
    for number in range(runs):
        installed = folder / f"ci-{number}"
        installed.mkdir()
        for name in ("package.json", "package-lock.json"):
            shutil.copy(lock / name, installed)
        ci.take(lambda: _npm(installed, "ci"))  # noqa: B023
        home = folder / f"home-{number}"
        bundle.take(lambda: _bundle(package, home))  # noqa: B023
        trees.remove(home)
        trees.remove(installed)
    wall, cpu = _cells(ci.seconds, bundle.seconds), _cells(ci.cpu_seconds, bundle.cpu_seconds)
    return f"| `{package}` | {files:,} | {wall} | {cpu} |"


def _empty(folder: Path) -> None:
    folder.mkdir()
    (folder / "package.json").write_text('{"name":"bundle","private":true}', encoding="utf-8")


def _npm(folder: Path, *command: str) -> None:
    subprocess.run(
        ["npm", command[0], *_QUIET, *command[1:]],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        check=True,
        timeout=_NPM_SECONDS,
    )


def _bundle(package: str, home: Path) -> None:
    bundles.build(f"npm:{package}", home / "bundles", home / "runtimes", lambda line: None)


def _cpu_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def _cells(floor: Sequence[float], ours: Sequence[float]) -> str:
    ratio = median(mine / theirs for mine, theirs in zip(ours, floor, strict=True))
    return f"{median(floor):.2f} | {median(ours):.2f} ({ratio:.2f}x)"


if __name__ == "__main__":
    main()

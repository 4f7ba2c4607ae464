"""`python -m benchmarks.builds`: how long the bundle of an npm server takes, against `npm ci` of the same.

All install the same packages from the same warm npm cache into an empty folder, in turn: `npm ci` from a
lock; the bundle of an upload with that lock, as a release is made of it; the bundle of the package itself, as
`mooring add npm:…` makes it, which has to ask the registry what belongs to it.
"""

import argparse
import hashlib
import json
import os
import resource
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from time import perf_counter

from benchmarks.machine import machine
from mooring import staging, trees
from mooring_local import building, bundles

_PACKAGES = [
    "@modelcontextprotocol/server-sequential-thinking@2026.8.31",
    "@modelcontextprotocol/server-memory@2026.8.31",
]
_RUNS = 5
_NPM_SECONDS = 300
_QUIET = ("--omit=dev", "--no-audit", "--no-fund", "--loglevel=error")
_OF_PROJECT = ("package.json", "package-lock.json", "smithery.yaml")
_HEAD = ["package", "files", "npm ci, s", "upload, s", "package, s"]
_HEAD += ["npm ci, CPU s", "upload, CPU s", "package, CPU s"]


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
    print(f"| {' | '.join(_HEAD)} |\n|---{'|---:' * (len(_HEAD) - 1)}|")
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
    project = _project(package, folder / "project")
    files = sum(1 for _ in trees.files(project)) - len(_OF_PROJECT)
    shutil.rmtree(project / "node_modules")
    upload = folder / "project.tar.gz"
    with tarfile.open(upload, "w:gz") as archive:
        archive.add(project, "project")
    ways: list[Callable[[Path], object]] = [
        lambda home: _ci(project, home),
        lambda home: _of_upload(upload, home),
        lambda home: bundles.build(f"npm:{package}", home / "bundles", home / "runtimes", lambda line: None),
    ]
    times = [_Times() for _ in ways]
    for number in range(runs):
        for way, taken in zip(ways, times, strict=True):
            home = folder / f"home-{number}"
            home.mkdir()
            taken.take(lambda: way(home))  # noqa: B023
            trees.remove(home)
    cells = [*_cells([one.seconds for one in times]), *_cells([one.cpu_seconds for one in times])]
    return f"| {' | '.join([f'`{package}`', f'{files:,}', *cells])} |"


def _project(package: str, folder: Path) -> Path:
    """Make a project that depends on `package` and starts its command, with its lock; it is installed."""
    folder.mkdir()
    name = package.rpartition("@")[0]
    manifest = folder / "package.json"
    manifest.write_text('{"name":"project","version":"1.0.0","private":true}', encoding="utf-8")
    # The fastest lock: it says where each package is from, whatever npm is set up for on this machine.
    _npm(folder, "install", "--omit-lockfile-registry-resolved=false", package)
    about = json.loads((folder / "node_modules" / name / "package.json").read_text(encoding="utf-8"))
    script = next(iter(about["bin"].values())) if isinstance(about["bin"], dict) else about["bin"]
    start = {"type": "stdio", "command": "node", "args": [f"node_modules/{name}/{script}"]}
    # JSON is YAML.
    (folder / "smithery.yaml").write_text(json.dumps({"startCommand": start}), encoding="utf-8")
    return folder


def _npm(folder: Path, *command: str) -> None:
    subprocess.run(
        ["npm", command[0], *_QUIET, *command[1:]],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        check=True,
        timeout=_NPM_SECONDS,
    )


def _ci(project: Path, home: Path) -> None:
    for name in _OF_PROJECT:
        shutil.copy(project / name, home)
    _npm(home, "ci")


def _of_upload(upload: Path, home: Path) -> None:
    digest = hashlib.sha256(upload.read_bytes()).hexdigest()
    source = {"type": "upload", "sha256": digest, "name": upload.name}
    with staging.workspace(home) as workspace:
        package = building.install(source, upload, workspace, home / "runtimes", lambda line: None)
        bundles.seal(workspace, {"launch": package.launch}, lambda line: None)


def _cpu_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def _cells(columns: Sequence[Sequence[float]]) -> list[str]:
    floor = columns[0]
    cells = [f"{median(floor):.2f}"]
    for ours in columns[1:]:
        ratio = median(mine / theirs for mine, theirs in zip(ours, floor, strict=True))
        cells.append(f"{median(ours):.2f} ({ratio:.2f}x)")
    return cells


if __name__ == "__main__":
    main()

"""`python -m benchmarks.cold_start`: what a new instance of a function costs, each in a fresh process.

A start is the interpreter, the function's import and its first event, until its answer. Stand-ins answer at
once for a worker, in plain HTTP, and for DynamoDB, in TLS; the machine's certificates are read as on AWS.
With `--layer` functions import from built layers and, as on Lambda, keep nothing that they compile.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from benchmarks import stand_ins
from benchmarks.stand_ins import EVENTS, ROOT

_RUNS = 11
_WARM_FRAMES = 2000

_BARE = "pass"
_BOTO3 = "import boto3; boto3.client('dynamodb')"
_FUNCTION = """
import json, sys, time
sys.path.insert(0, {folder!r})
import app
event = json.loads({event!r})
answer = app.handler(event, None)
assert answer["statusCode"] == 200, answer
"""
_WARM = """
began = time.process_time()
for number in range({frames}):
    event["requestContext"]["messageId"] = str(number)
    app.handler(event, None)
print((time.process_time() - began) / {frames} * 1e3, flush=True)
"""
_CPU = "\nimport time; print(time.process_time(), flush=True)"
_MODULES = "\nimport sys; print(len(sys.modules), flush=True)"


@dataclass(frozen=True)
class Case:
    name: str
    program: str


@dataclass(frozen=True)
class Figures:
    """Medians; milliseconds."""

    wall: float
    cpu: float
    modules: int


def table(python: str = sys.executable, runs: int = _RUNS, layers: Sequence[Path] = ()) -> str:
    """Measure, and return a markdown table."""
    with (
        tempfile.TemporaryDirectory(prefix="mooring-bench-") as folder,
        stand_ins.environment(Path(folder)) as environment,
    ):
        if layers:
            folders = os.pathsep.join(str(layer.resolve() / "python") for layer in layers)
            environment = {**environment, "PYTHONPATH": folders, "PYTHONDONTWRITEBYTECODE": "1"}
        cases = [
            Case("bare Python", _BARE),
            Case("bare `boto3.client('dynamodb')`", _BOTO3),
            *(Case(f"`{name}`", _function(name)) for name in EVENTS),
        ]
        if not _has_boto3(python):
            del cases[1]
        figures = _measure(python, cases, environment, runs)
        _, warm = _run(python, _function("ws_default") + _WARM.format(frames=_WARM_FRAMES), environment)
    return _markdown(cases, figures, float(warm))


def _has_boto3(python: str) -> bool:
    return subprocess.run([python, "-c", "import boto3"], capture_output=True, check=False).returncode == 0


def _measure(
    python: str, cases: Sequence[Case], environment: dict[str, str], runs: int
) -> dict[str, Figures]:
    """Visit every case in every round, so that a slow moment of the machine does not hit one alone."""
    modules = {case.name: int(_run(python, case.program + _MODULES, environment)[1]) for case in cases}
    took: dict[str, list[tuple[float, float]]] = {case.name: [] for case in cases}
    for _ in range(runs):
        for case in cases:
            wall, cpu = _run(python, case.program + _CPU, environment)
            took[case.name].append((wall, float(cpu)))
    return {
        name: Figures(
            statistics.median(wall for wall, _ in pairs) * 1e3,
            statistics.median(cpu for _, cpu in pairs) * 1e3,
            modules[name],
        )
        for name, pairs in took.items()
    }


def _run(python: str, program: str, environment: dict[str, str]) -> tuple[float, str]:
    """Return the seconds until `program` said something, and what."""
    began = perf_counter()
    process = subprocess.Popen(
        [python, "-c", program],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout and process.stderr
        said = process.stdout.readline()
        took = perf_counter() - began  # without the end of the process, which Lambda has none of
        problem = process.stderr.read()
    if process.returncode or not said:
        raise SystemExit(f"a function did not start:\n{problem}")
    return took, said.strip()


def _function(name: str) -> str:
    return _FUNCTION.format(folder=str(ROOT / "functions" / name), event=json.dumps(EVENTS[name]))


def _markdown(cases: Sequence[Case], figures: dict[str, Figures], warm: float) -> str:
    bare = figures[cases[0].name].wall
    lines = [
        "| process | wall, ms | over bare, ms | CPU, ms | modules |",
        "|---|---:|---:|---:|---:|",
        *(
            f"| {case.name} | {(found := figures[case.name]).wall:.0f} | {found.wall - bare:.0f} "
            f"| {found.cpu:.0f} | {found.modules} |"
            for case in cases
        ),
    ]
    return "\n".join([*lines, "", f"`ws_default`, warm: {warm:.3f} ms of CPU per frame."])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cold_start", description=__doc__)
    parser.add_argument(
        "--python", default=sys.executable, help="an interpreter with what layers/runtime pins"
    )
    parser.add_argument("--runs", type=int, default=_RUNS)
    parser.add_argument(
        "--layer", type=Path, action="append", default=[], help="a layer as its Makefile builds it"
    )
    options = parser.parse_args()
    print(table(options.python, options.runs, options.layer))


if __name__ == "__main__":
    main()

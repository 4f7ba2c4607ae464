"""A small one of the runs of `make faults`, whose full size takes minutes."""

import os
import subprocess
import sys


def test_whatever_is_dropped_or_killed_nothing_is_lost_doubled_hung_or_left() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "tests.faults", "--sessions", "24", "--calls", "20"],
        env={**os.environ, "SEED": "20261121"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "480 calls" in run.stdout

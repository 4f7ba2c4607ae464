"""The process of one build on a machine of its own: what it hides, and what it asks before it builds."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mooring.build_bodies import BuildOrder
from mooring_local.builder import remote, reporting
from mooring_local.packages import BuildFailed

ROOT = Path(__file__).resolve().parents[3]
ORDER = {
    "server": "acme/clock",
    "release": "r1",
    "source": {"type": "npm", "spec": "clock"},
    "result": "http://127.0.0.1:9/result",
    "bundle": "http://127.0.0.1:9/bundle",
    "report": "http://127.0.0.1:9/report",
    "key": "00" * 32,
    "seconds": 60,
    "bundleBytes": 1000,
}
# Tells what a build sees of the process that has begun it.
SPY = """
import os, subprocess, sys
from mooring_local.builder.remote import _become
_become(int(sys.argv[1]))
look = "import os; print(os.getuid()); print(open(f'/proc/{os.getppid()}/environ').read())"
done = subprocess.run([sys.executable, "-I", "-c", look], env={}, capture_output=True, text=True)
print(done.stdout, done.stderr)
"""


def spied(uid: int) -> str:
    path = os.pathsep.join(str(ROOT / name) for name in ("shared", "local"))
    variables = {"PYTHONPATH": path, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/the-way-to-credentials"}
    done = subprocess.run(
        [sys.executable, "-P", "-c", SPY, str(uid)],
        env=variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="only root becomes somebody else")
def test_what_is_built_does_not_see_what_the_machine_was_started_with() -> None:
    assert "the-way-to-credentials" in spied(0), "the same user sees it"
    seen = spied(65534)
    assert seen.startswith("65534\n")
    assert "PermissionError" in seen
    assert "the-way-to-credentials" not in seen


def test_an_input_that_was_built_before_is_not_built(monkeypatch: pytest.MonkeyPatch) -> None:
    reports = reporting.Reports(BuildOrder.model_validate(ORDER))
    asked = remote.Asked(reports)
    monkeypatch.setattr(reports, "is_known", lambda identity: identity == "known")
    assert asked.find("acme/clock", "new") is None
    with pytest.raises(remote.Known):
        asked.find("acme/clock", "known")
    assert asked.identity == "known"


def test_a_build_goes_on_when_nobody_hears_its_reports() -> None:
    reports = reporting.Reports(BuildOrder.model_validate(ORDER))
    reports.add("a line")
    assert reports.send(), "it is the log that suffers"
    assert not reports.is_known("anything")


def test_an_upload_that_cannot_be_had_or_is_another_one_is_a_reason_to_tell(
    tmp_path: Path, loopback_file: str
) -> None:
    with pytest.raises(BuildFailed, match="gone"):
        reporting.fetch_file(f"{loopback_file}/missing", tmp_path / "file", "0" * 64)
    with pytest.raises(BuildFailed, match="another file"):
        reporting.fetch_file(f"{loopback_file}/file", tmp_path / "file", "0" * 64)

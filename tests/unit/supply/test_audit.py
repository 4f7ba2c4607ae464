"""`make lint` fails on known vulnerabilities, and says what it could not look up."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from supply import audit

ROOT = Path(__file__).resolve().parents[3]
CLEAN = {"dependencies": [{"name": "good", "version": "1.0", "vulns": []}]}
VULNERABLE = {
    "dependencies": [
        {
            "name": "bad",
            "version": "1.0",
            "vulns": [{"id": "PYSEC-2026-1", "aliases": ["CVE-2026-1"], "fix_versions": ["1.1"]}],
        }
    ]
}
SKIPPED = {"dependencies": [{"name": "odd", "skip_reason": "Dependency not found and could not be audited"}]}
NPM_CLEAN: dict[str, Any] = {"auditReportVersion": 2, "vulnerabilities": {}}
ADVISORY = {
    "source": 7,
    "url": "https://github.com/advisories/GHSA-aaaa-bbbb-cccc",
    "title": "does harm",
    "range": "<2",
}
NPM_VULNERABLE = {
    "vulnerabilities": {
        "bad": {"via": [ADVISORY], "fixAvailable": True},
        "user": {"via": ["bad"], "fixAvailable": True},
    }
}
NPM_NO_ANSWER = {"message": "405 Method Not Allowed - POST https://registry.example/bulk", "error": {}}


class Repository:
    """A folder with one lock of each kind, and programs that say what they are told to."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        (folder / "requirements.lock").touch()
        (folder / audit.NODE_LOCK).parent.mkdir(parents=True)
        (folder / ".venv-x").mkdir()
        (folder / ".venv-x" / "installed.lock").touch()
        self.ignored = folder / "ignored.toml"
        self.ignored.touch()
        self.says("pip-audit", json.dumps(CLEAN))
        self.says("npm", json.dumps(NPM_CLEAN))

    def says(self, program: str, stdout: str, stderr: str = "") -> None:
        (self._folder / f"{program}.out").write_text(stdout)
        (self._folder / f"{program}.err").write_text(stderr)
        path = self._folder / program
        path.write_text(f'#!/bin/sh\ncat "$0.out"\ncat "$0.err" >&2\nexit {int(bool(stderr))}\n')
        path.chmod(0o755)

    def audited(self) -> int:
        programs = ["--pip-audit", str(self._folder / "pip-audit"), "--npm", str(self._folder / "npm")]
        return audit.main([*programs, "--root", str(self._folder), "--ignored", str(self.ignored)])


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


def test_what_has_no_known_vulnerability_passes(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    assert repository.audited() == 0
    assert capsys.readouterr().out.startswith("Looked at 2 locks: 0 known vulnerabilities, 0 not checked")


def test_a_known_vulnerability_of_a_python_package_fails(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.says("pip-audit", json.dumps(VULNERABLE))
    assert repository.audited() == 1
    assert "requirements.lock: bad 1.0 has PYSEC-2026-1; fixed in 1.1" in capsys.readouterr().err


def test_a_known_vulnerability_of_an_npm_package_fails_once(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.says("npm", json.dumps(NPM_VULNERABLE))
    assert repository.audited() == 1
    assert capsys.readouterr().err.count("GHSA-aaaa-bbbb-cccc") == 1


@pytest.mark.parametrize(
    ("program", "stdout", "stderr"),
    [
        ("pip-audit", json.dumps(SKIPPED), ""),
        ("pip-audit", "", "requests.exceptions.ConnectionError: nobody there"),
        ("npm", json.dumps(NPM_NO_ANSWER), ""),
        ("npm", "", "npm error audit endpoint returned an error"),
    ],
)
def test_what_cannot_be_looked_up_is_named_and_passes(
    repository: Repository, capsys: pytest.CaptureFixture[str], program: str, stdout: str, stderr: str
) -> None:
    repository.says(program, stdout, stderr)
    assert repository.audited() == 0
    said = capsys.readouterr().out
    assert said.startswith("not checked: ") and "1 not checked" in said


@pytest.mark.parametrize("program", ["pip-audit", "npm"])
def test_a_tool_that_breaks_fails(repository: Repository, program: str) -> None:
    """Or a new option that it does not know would switch the check off."""
    repository.says(program, "", f"{program}: error: unrecognized arguments")
    assert repository.audited() == 1


def test_a_missing_tool_fails(repository: Repository, tmp_path: Path) -> None:
    (tmp_path / "npm").unlink()
    assert repository.audited() == 1


@pytest.mark.parametrize("name", ["PYSEC-2026-1", "CVE-2026-1"])
def test_what_is_ignored_for_a_reason_passes_until_its_day(repository: Repository, name: str) -> None:
    repository.says("pip-audit", json.dumps(VULNERABLE))
    entry = f'[[ignored]]\nid = "{name}"\nreason = "not called"\nsince = 2026-11-30\nuntil = '
    repository.ignored.write_text(f"{entry}9999-01-01\n")
    assert repository.audited() == 0
    repository.ignored.write_text(f"{entry}2026-01-01\n")
    assert repository.audited() == 1


@pytest.mark.parametrize("missing", ["id", "reason", "since", "until"])
def test_an_ignored_vulnerability_needs_a_reason_and_dates(repository: Repository, missing: str) -> None:
    entry = {"id": '"X"', "reason": '"r"', "since": "2026-11-30", "until": "9999-01-01"}
    del entry[missing]
    lines = "".join(f"{name} = {value}\n" for name, value in entry.items())
    repository.ignored.write_text(f"[[ignored]]\n{lines}")
    assert repository.audited() == 1


def test_the_list_of_this_repository_is_in_order() -> None:
    _, findings = audit.read_ignored(ROOT / "supply" / "ignored.toml", date(2026, 11, 30))
    assert findings.broken == []

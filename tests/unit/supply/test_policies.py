"""The template follows the policies, except where a reason is written down and still holds."""

import json
from pathlib import Path
from typing import Any

import pytest

from supply import policies

ROOT = Path(__file__).resolve().parents[3]
FINDING = {"check_id": "CKV_1", "resource": "AWS::S3::Bucket.Data", "check_name": "Ensure something"}
SKIP = '[[skipped]]\ncheck = "CKV_1"\nresources = ["{}"]\nreason = "it is public anyway"\n'


class World:
    """A program that answers as checkov does, and a list of what to skip."""

    def __init__(self, folder: Path) -> None:
        self._checkov, self._answer, self._skips = (
            folder / "checkov",
            folder / "answer",
            folder / "skips.toml",
        )
        self._checkov.write_text(f"#!/bin/sh\ncat {self._answer}\n")
        self._checkov.chmod(0o755)
        self._skips.touch()

    def finds(self, *findings: dict[str, str], **summary: int) -> None:
        counts = {"passed": 5, "parsing_errors": 0, "resource_count": 3, **summary}
        self.answers(json.dumps({"summary": counts, "results": {"failed_checks": findings}}))

    def answers(self, text: str) -> None:
        self._answer.write_text(text)

    def skips(self, text: str) -> None:
        self._skips.write_text(text)

    def checked(self) -> int:
        return policies.main(["t.yaml", "--checkov", str(self._checkov), "--skips", str(self._skips)])


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_a_template_without_findings_passes(world: World) -> None:
    world.finds()
    assert world.checked() == 0


def test_a_finding_fails_and_is_named(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.finds(FINDING)
    assert world.checked() == 1
    assert capsys.readouterr().err == "Data: CKV_1: Ensure something\n"


@pytest.mark.parametrize("resource", ["Data", "*"])
def test_a_finding_with_a_reason_passes(world: World, resource: str) -> None:
    world.finds(FINDING)
    world.skips(SKIP.format(resource))
    assert world.checked() == 0


@pytest.mark.parametrize("other", [{"check_id": "CKV_2"}, {"resource": "AWS::S3::Bucket.Other"}])
def test_a_reason_holds_for_its_check_and_its_resource_only(world: World, other: dict[str, str]) -> None:
    world.finds(FINDING, {**FINDING, **other})
    world.skips(SKIP.format("Data"))
    assert world.checked() == 1


def test_a_reason_that_is_needed_no_more_fails(world: World) -> None:
    world.finds()
    world.skips(SKIP.format("Data"))
    assert world.checked() == 1


@pytest.mark.parametrize("missing", ["check", "resources", "reason"])
def test_an_entry_needs_a_reason(world: World, missing: str) -> None:
    world.finds(FINDING)
    lines = SKIP.format("Data").splitlines(keepends=True)
    world.skips("".join(line for line in lines if not line.startswith(missing)))
    with pytest.raises(ValueError, match="reason"):
        world.checked()


@pytest.mark.parametrize("summary", [{"parsing_errors": 1}, {"resource_count": 0}])
def test_a_template_that_checkov_cannot_read_does_not_pass(world: World, summary: dict[str, Any]) -> None:
    world.finds(**summary)
    with pytest.raises(ValueError, match="could not read"):
        world.checked()


@pytest.mark.parametrize("text", ["", "[]", '{"passed": 0, "failed": 0, "resource_count": 0}'])
def test_no_answer_does_not_pass(world: World, text: str) -> None:
    world.answers(text)
    with pytest.raises(ValueError, match="did not check"):
        world.checked()


def test_the_list_of_this_repository_is_in_order() -> None:
    assert policies.read_skips((ROOT / "supply" / "policies.toml").read_text(encoding="utf-8"))

"""Which input was built before (`mooring_local.builder.inputs`)."""

from pathlib import Path
from typing import Any

import pytest

from mooring_local.builder.inputs import Inputs, fixed

UPLOAD = {"type": "upload", "sha256": "a" * 64, "name": "folder.tar.gz"}


def test_what_was_kept_of_an_input_is_found_for_its_server_alone(tmp_path: Path) -> None:
    """A publisher could leave something in the caches of installers of their own server."""
    inputs = Inputs(tmp_path)
    inputs.keep("acme/weather", "npm:weather@1.0.0", {"digest": "d"})
    assert inputs.find("acme/weather", "npm:weather@1.0.0") == {"digest": "d"}
    assert inputs.find("acme/weather", "npm:weather@1.0.1") is None
    assert inputs.find("evil/weather", "npm:weather@1.0.0") is None


def test_what_is_kept_is_of_one_python_and_one_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = Inputs(tmp_path)
    inputs.keep("acme/weather", "x", {"digest": "d"})
    monkeypatch.setattr("platform.python_version", lambda: "3.99.0")
    assert inputs.find("acme/weather", "x") is None


@pytest.mark.parametrize(
    "source",
    [
        UPLOAD,
        {"type": "git", "url": "https://host/a", "ref": "0123456789" * 4},
        {"type": "npm", "spec": "weather@1.2.3"},
        {"type": "npm", "spec": "@acme/weather@1.2.3-beta.1"},
        {"type": "pypi", "spec": "weather==1.2"},
        {"type": "pypi", "spec": "weather[all]==2026.10.24rc1"},
    ],
)
def test_a_source_that_says_exactly_what_it_is_needs_no_look(source: dict[str, Any]) -> None:
    assert fixed(source)
    assert fixed({**source, "folder": "b"}) != fixed(source)


@pytest.mark.parametrize(
    "source",
    [
        {**UPLOAD, "name": "server.json"},
        {"type": "git", "url": "https://host/a", "ref": "main"},
        {"type": "git", "url": "https://host/a"},
        {"type": "git", "url": "https://host/a", "ref": "0123456"},
        *({"type": "npm", "spec": spec} for spec in ("weather", "weather@latest", "weather@^1.2.3")),
        *({"type": "pypi", "spec": spec} for spec in ("weather", "weather>=1", "weather==1.*")),
        {"type": "server.json", "document": {}},
    ],
)
def test_a_source_that_may_be_another_one_tomorrow_is_looked_at(source: dict[str, Any]) -> None:
    assert fixed(source) is None

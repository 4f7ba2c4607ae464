"""Which input was built before (`mooring_local.builder.inputs`)."""

from pathlib import Path

import pytest

from mooring_local.builder.inputs import Inputs


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

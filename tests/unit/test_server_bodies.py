"""What a publisher may say of how a release is started."""

from typing import Any

import pytest
from pydantic import ValidationError

from mooring.server_bodies import NewRelease


def test_groups_and_folders_of_programs_are_kept_as_they_are_given() -> None:
    launch = {
        "command": "node",
        "args": ["a.js", ["--key", "${config.key}"], "${config.rest[]}"],
        "env": {},
        "path": ["${bundle}/.mooring/bin", "/opt/bin"],
    }

    assert NewRelease.model_validate({"launch": launch}).release().launch == launch
    assert "path" not in NewRelease.model_validate({"launch": {"command": "x"}}).release().launch


@pytest.mark.parametrize(
    "wrong",
    [
        {"args": [[]]},
        {"args": [["a", ["b"]]]},
        {"path": "bin"},
        {"path": ["bin"]},
        {"path": ["${config.x}/bin"]},
        {"path": ["/${config.x}"]},
        {"path": ["/a:/b"]},
        {"path": ["/a"] * 17},
    ],
)
def test_what_no_worker_could_start_is_not_published(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        NewRelease.model_validate({"launch": {"command": "run", **wrong}})

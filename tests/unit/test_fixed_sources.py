"""Which sources mean the same for ever."""

from typing import Any

import pytest

from mooring.fixed_sources import fixed

COMMIT = "a" * 40


@pytest.mark.parametrize(
    ("source", "is_fixed"),
    [
        ({"type": "upload", "sha256": "0" * 64, "name": "x"}, True),
        ({"type": "upload", "sha256": "0" * 64, "name": "server.json"}, False),
        ({"type": "git", "url": "https://git.test/x", "ref": COMMIT}, True),
        ({"type": "git", "url": "https://git.test/x", "ref": COMMIT[:7]}, False),
        ({"type": "git", "url": "https://git.test/x", "ref": "main"}, False),
        ({"type": "git", "url": "https://git.test/x", "ref": ""}, False),
        ({"type": "git", "url": "https://git.test/x"}, False),
        ({"type": "npm", "spec": "clock@1.2.3"}, True),
        ({"type": "npm", "spec": "@acme/clock@1.2.3-beta.1"}, True),
        ({"type": "npm", "spec": "clock"}, False),
        ({"type": "npm", "spec": "@acme/clock"}, False),
        ({"type": "npm", "spec": "clock@^1.2.3"}, False),
        ({"type": "npm", "spec": "clock@latest"}, False),
        ({"type": "npm", "spec": "clock@1.x"}, False),
        ({"type": "npm", "spec": "clock@1.2.3||2"}, False),
        ({"type": "pypi", "spec": "clock==1.2.3"}, True),
        ({"type": "pypi", "spec": "clock[extra]==1.2"}, True),
        ({"type": "pypi", "spec": "clock==2026.10.24rc1"}, True),
        ({"type": "pypi", "spec": "clock~=1.2"}, False),
        ({"type": "pypi", "spec": "clock"}, False),
        ({"type": "pypi", "spec": "clock>=1.2"}, False),
        ({"type": "pypi", "spec": "clock==1.*"}, False),
        ({"type": "server.json", "document": {}}, False),
    ],
)
def test_a_source_is_known_without_asking_if_it_can_mean_nothing_else(
    source: dict[str, Any], is_fixed: bool
) -> None:
    assert (fixed(source) is not None) == is_fixed


def test_sources_that_differ_in_anything_are_other_inputs() -> None:
    upload: dict[str, Any] = {"type": "upload", "sha256": "0" * 64, "name": "x"}
    others = [upload, {**upload, "folder": "a"}, {**upload, "configSchema": {"type": "object"}}]
    assert len({fixed(source) for source in others}) == 3
    assert fixed(dict(reversed(upload.items()))) == fixed(upload)

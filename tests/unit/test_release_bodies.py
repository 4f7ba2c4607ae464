"""What strangers say of releases (`mooring.release_bodies`)."""

from typing import Any

import pytest
from pydantic import ValidationError

from mooring.errors import InvalidRequest
from mooring.openapi_bodies import bodies
from mooring.release_bodies import BuiltPackage, NewHostedRelease

LAUNCH = {
    "command": "node",
    "args": ["${bundle}/a.js", ["--city", "${config.city}"]],
    "path": ["${bundle}/bin"],
}


@pytest.mark.parametrize(
    "source",
    [
        {"type": "git", "url": "https://host/a/b"},
        {"type": "git", "url": "https://host/a/b", "ref": "v1", "folder": "packages/x"},
        {"type": "npm", "spec": "@scope/name@^1.2"},
        {"type": "pypi", "spec": "name[extra]==1.2"},
        {"type": "upload", "sha256": "a" * 64, "name": "my server.mcpb"},
        {"type": "server.json", "document": {"name": "a/b"}},
        {"type": "listed"},
        {"type": "external", "url": "https://host/mcp"},
    ],
)
def test_each_kind_of_source_is_read(source: dict[str, Any]) -> None:
    body = NewHostedRelease.model_validate({"source": source, "config": {"a": 1}})
    assert source.items() <= body.source.model_dump(by_alias=True).items()


@pytest.mark.parametrize(
    "source",
    [
        {"type": "git", "url": "file:///etc"},
        {"type": "git", "url": "https://user:pass@host/a"},
        {"type": "git", "url": "git@host:a/b"},
        {"type": "git", "url": "https://host/a", "command": "x"},
        {"type": "npm", "spec": "--registry=x"},
        {"type": "npm", "spec": ""},
        {"type": "npm", "spec": "a b"},
        {"type": "upload", "sha256": "../../etc/passwd", "name": "a"},
        {"type": "upload", "sha256": "a" * 64, "name": "../a"},
        {"type": "folder", "path": "/etc"},
        {"type": "external", "url": "ftp://host"},
        {},
    ],
)
def test_what_is_none_is_refused(source: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        NewHostedRelease.model_validate({"source": source})


def test_what_a_build_says_becomes_a_release() -> None:
    said = {
        "name": "weather",
        "launch": LAUNCH,
        "address": "",
        "config_schema": {"type": "object"},
        "example_config": {"city": "Oslo"},
        "description": "d",
        "unknown": 1,
    }
    built = BuiltPackage.model_validate(said)
    release = built.release("id", "2026-11-30T00:00:00.000Z", "b" * 64)
    assert release.launch["args"] == LAUNCH["args"]
    assert release.launch["path"] == LAUNCH["path"]
    assert (release.config_schema, release.package) == ({"type": "object"}, None)
    assert built.about()["exampleConfig"] == {"city": "Oslo"}
    assert BuiltPackage.model_validate(built.model_dump(by_alias=True)) == built


@pytest.mark.parametrize(
    "wrong",
    [
        {"launch": {"args": []}},
        {"launch": {"command": "node", "user": "root"}},
        {"name": "x" * 400},
        {"address": "https://host"},
        {"homepage": "javascript:alert(1)"},
        {"commit": "HEAD; rm"},
        {"kind": "http"},
    ],
)
def test_what_a_build_cannot_have_made_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        BuiltPackage.model_validate({"name": "weather", "launch": LAUNCH, **wrong})


def test_a_config_schema_of_a_build_has_to_be_one() -> None:
    with pytest.raises(InvalidRequest, match="configSchema"):
        BuiltPackage.model_validate({"name": "a", "launch": LAUNCH, "config_schema": {"type": "string"}})


def test_the_bodies_that_routes_read_themselves_are_described_whole() -> None:
    described = str(bodies())
    assert "$ref" not in described
    assert "upstreamUrl" in described
    assert "sha256" in described

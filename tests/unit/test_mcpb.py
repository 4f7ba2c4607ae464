"""`.mcpb` bundles, and zips that are meant to hurt."""

import json
import stat
import zipfile
from pathlib import Path
from typing import Any

import pytest

from mooring_local import mcpb, sources

MANIFEST: dict[str, Any] = {
    "name": "weather",
    "server": {
        "type": "node",
        "entry_point": "server/index.js",
        "mcp_config": {
            "command": "node",
            "args": [
                "${__dirname}/server/index.js",
                "${user_config.folders}",
                "--units=${user_config.units}",
            ],
            "env": {"KEY": "${user_config.key}", "NONE": "${user_config.other}", "HOME": "${HOME}"},
        },
    },
    "user_config": {
        "key": {"type": "string", "title": "Key", "sensitive": True, "required": True},
        "units": {"type": "string", "default": "metric"},
        "folders": {"type": "directory", "multiple": True, "default": ["/a", "/b"]},
        "limit": {"type": "number", "min": 1, "max": 9},
    },
}


def bundle(place: Path, *entries: zipfile.ZipInfo | str, manifest: object = MANIFEST) -> Path:
    path = place / "weather.mcpb"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest.json", manifest if isinstance(manifest, str) else json.dumps(manifest))
        for entry in entries:
            archive.writestr(entry, "x")
    return path


def test_a_manifest_says_the_command_and_what_is_configured(tmp_path: Path) -> None:
    plan = sources.plan(str(bundle(tmp_path, "server/index.js")), {"key": "k"})

    assert plan.kind == "stdio"
    assert plan.launch == {
        "command": "node",
        "args": ["${bundle}/server/index.js", "/a", "/b", "--units=metric"],
        "env": {"KEY": "k", "NONE": "", "HOME": "${session}"},
    }
    assert plan.config_schema == {
        "type": "object",
        "properties": {
            "key": {"type": "string", "title": "Key", "format": "password"},
            "units": {"type": "string", "default": "metric"},
            "folders": {"type": "array", "items": {"type": "string"}, "default": ["/a", "/b"]},
            "limit": {"type": "number", "minimum": 1, "maximum": 9},
        },
        "required": ["key"],
    }


def link() -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo("way-out")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    return entry


@pytest.mark.parametrize(
    "entry",
    ["../out", "a/../../out", "/etc/x", "C:/x", "..\\out", "a\0b", link(), "a/"],
    ids=["up", "inner up", "absolute", "drive", "backslash", "nul", "link", "twice"],
)
def test_a_name_that_leads_out_of_the_bundle_is_refused(tmp_path: Path, entry: zipfile.ZipInfo | str) -> None:
    name = zipfile.ZipInfo("x") if isinstance(entry, str) else entry
    if isinstance(entry, str):
        name.filename = entry
    plan = mcpb.plan(bundle(tmp_path, name, *(["a"] if entry == "a/" else [])))

    assert plan.kind == "invalid"
    assert plan.launch is None


@pytest.mark.parametrize(
    ("manifest", "named"),
    [
        ("{", "not JSON"),
        ("[]", "no object"),
        ("[" * 100_000, "not JSON"),
        (" " * (1 << 21), "1 MB"),
        ({}, "mcp_config"),
        ({"server": {"mcp_config": {"command": 5}}}, "mcp_config"),
    ],
    ids=["unclosed", "list", "deep", "huge", "empty", "no text"],
)
def test_a_manifest_that_says_nothing_is_refused(tmp_path: Path, manifest: object, named: str) -> None:
    plan = mcpb.plan(bundle(tmp_path, manifest=manifest))

    assert plan.kind == "invalid"
    assert named in (plan.reason or "")


@pytest.mark.parametrize("limit", ["MAX_BYTES", "MAX_FILES", "MAX_ARCHIVE_BYTES"])
def test_a_bundle_over_the_limit_is_refused(
    tmp_path: Path, limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mcpb, limit, 1)

    assert "more than" in (mcpb.plan(bundle(tmp_path, "a", "b")).reason or "")


def test_what_is_no_zip_or_has_no_manifest_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.mcpb").write_bytes(b"PK\3\4" + b"\0" * 100)
    with zipfile.ZipFile(tmp_path / "b.mcpb", "w") as archive:
        archive.writestr("x", "x")

    assert sources.plan(str(tmp_path / "a.mcpb")).kind == "invalid"
    assert "manifest.json" in (sources.plan(str(tmp_path / "b.mcpb")).reason or "")

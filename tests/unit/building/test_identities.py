"""What makes two builds the same, without building."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from mooring_local import building
from mooring_local.packages import BuildFailed
from tests.unit.building.making import repository, upload, zipped


def identity(source: dict[str, Any], file: Path | None = None) -> str | None:
    return building.identity(source, file, allow_file=True)


def git(folder: Path, *arguments: str) -> str:
    options = ("-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "tag.gpgSign=false")
    done = subprocess.run(
        ["git", *options, *arguments], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def test_a_repository_is_its_commit_and_the_folder_whatever_the_ref_is_called(tmp_path: Path) -> None:
    folder = tmp_path / "origin"
    address = repository(folder, {"a": "1"})
    first = git(folder, "rev-parse", "HEAD")
    git(folder, "tag", "-a", "v1", "-m", "one")
    git(folder, "branch", "side")
    (folder / "a").write_text("2")
    git(folder, "commit", "--quiet", "--all", "-m", "two")
    source = {"type": "git", "url": address}

    head, tag = identity(source), identity({**source, "ref": "v1"})

    assert head and tag and first in tag and first not in head
    assert tag == identity({**source, "ref": "side"}) == identity({**source, "ref": first})
    assert head == identity({**source, "ref": "main"})
    assert head != identity({**source, "folder": "inner"})
    assert identity({**source, "ref": "none"}) is None
    assert identity({"type": "git", "url": f"{address}-none"}) is None


def test_an_upload_is_its_content(tmp_path: Path) -> None:
    one, two = zipped(tmp_path / "a.zip", {"a": "1"}), zipped(tmp_path / "b.zip", {"a": "2"})

    assert identity(upload(one), one) == identity({**upload(one), "name": "other"}, one)
    assert identity(upload(one), one) != identity(upload(two), two)
    assert identity(upload(one), one) != identity(upload(one, "inner"), one)


@pytest.mark.parametrize(
    ("spec", "found"), [("semver@7.7.2", "npm:semver@7.7.2"), ("@acme/x@1.0.0-b.1", "npm:@acme/x@1.0.0-b.1")]
)
def test_an_exact_version_is_not_asked_for(spec: str, found: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    assert (identity({"type": "npm", "spec": spec}) or "").split()[0] == found
    assert (identity({"type": "pypi", "spec": "a[b]==1.0"}) or "").split()[0] == "pypi:a[b]==1.0"


@pytest.mark.integration
def test_another_version_is_resolved_and_what_does_not_exist_is_unknown() -> None:
    assert (identity({"type": "npm", "spec": "semver@~7.7.0 <7.7.3"}) or "").startswith("npm:semver@7.7.2 ")
    assert (identity({"type": "pypi", "spec": "iniconfig<2"}) or "").startswith("pypi:iniconfig==1.1.1 ")
    assert identity({"type": "npm", "spec": "@modelcontextprotocol/no-such-server-at-all"}) is None


def test_a_document_is_its_content_and_its_package() -> None:
    package = {
        "registryType": "npm",
        "identifier": "semver",
        "version": "7.7.2",
        "transport": {"type": "stdio"},
    }
    document = {"name": "a.b/c", "description": "x", "version": "1", "packages": [package]}
    source = {"type": "server.json", "document": document}

    assert identity(source) == identity({"type": "server.json", "document": dict(reversed(document.items()))})
    assert identity(source) != identity({**source, "document": {**document, "description": "y"}})
    with pytest.raises(BuildFailed):
        identity({**source, "document": {"name": "a.b/c"}})

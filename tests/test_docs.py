"""What the documentation says exists, exists; what must be documented is."""

import dataclasses
import re
from pathlib import Path

import pytest

from mooring import errors
from mooring.settings import LocalSettings, Settings, WorkerSettings

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
PACKAGES = {"mooring": "shared", "mooring_worker": "worker", "mooring_local": "local", "mooring_cli": "cli"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_and_every_module_named_in_a_page_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", text)
    missing = [link for link in links if not (page.parent / link).exists()]
    named = re.findall(r"`(mooring(?:_\w+)?)/([\w/]+(?:\.py)?)`", text)
    missing += [
        f"{package}/{path}"
        for package, path in named
        if not (ROOT / PACKAGES[package] / package / path).exists()
    ]
    missing += [
        path
        for path in re.findall(r"`((?:tests|functions|docs)/[\w./-]+)`", text)
        if not (ROOT / path).exists()
    ]
    assert missing == []


def test_every_setting_is_documented() -> None:
    text = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    fields = {
        field.name for kind in (Settings, WorkerSettings, LocalSettings) for field in dataclasses.fields(kind)
    }
    undocumented = [
        name for name in fields if f"MOORING_{name.upper()}" not in text and f"…_{name.upper()}" not in text
    ]
    assert undocumented == []


def test_every_code_of_ours_is_in_the_table_of_errors() -> None:
    text = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    kinds = [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.MooringError)
    ]
    ours = {
        f"| {kind.jsonrpc_code} | `{kind.__name__}`"
        for kind in kinds
        if -32019 <= kind.jsonrpc_code <= -32010
    }
    assert [row for row in ours if row not in text] == []


def test_every_command_has_its_line_in_the_readme_or_the_docs() -> None:
    from mooring_cli.__main__ import mooring

    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert [name for name in mooring.commands if f"mooring {name}" not in text] == []

"""Rules of this repository that no linter knows."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MODULE_LINES = 300
HANDLER_LINES = 80
# In two parts each: this file must not name them either.
REGISTRY_HOSTS = (
    "pypi" + ".org",
    "pythonhosted" + ".org",
    "registry.npmjs" + ".org",
    "registry.yarnpkg" + ".com",
    "npmmirror" + ".com",
)
MEANINGLESS_WORDS = {
    *(
        "manager",
        "helper",
        "helpers",
        "util",
        "utils",
        "common",
        "base",
        "abstract",
        "impl",
        "service",
        "services",
    ),
    *("processor", "misc"),
}
SOURCE_FOLDERS = ("shared", "functions", "worker", "cli", "local", "tests", "benchmarks", "supply")


def tracked_files() -> list[Path]:
    """Return the files of the repository, new ones included, without what .gitignore leaves out."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout.decode()
    paths = [ROOT / name for name in listing.split("\0") if name]
    return [path for path in paths if path.is_file()]


def modules() -> list[Path]:
    return [
        path
        for path in tracked_files()
        if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in SOURCE_FOLDERS
    ]


def line_count(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def test_no_file_names_a_package_registry() -> None:
    """Whoever installs has an index, mirror or proxy of their own; a lock holds hashes, not addresses."""
    named = [
        f"{path.relative_to(ROOT)}: {host}"
        for path in tracked_files()
        for host in REGISTRY_HOSTS
        if host.encode() in path.read_bytes()
    ]
    assert named == []


def test_no_module_is_longer_than_300_lines() -> None:
    assert [str(path.relative_to(ROOT)) for path in modules() if line_count(path) > MODULE_LINES] == []


def test_no_module_has_a_name_that_says_nothing() -> None:
    nameless = [
        str(path.relative_to(ROOT))
        for path in modules()
        if MEANINGLESS_WORDS & set(re.split(r"[_/.]", str(path.relative_to(ROOT).with_suffix(""))))
    ]
    assert nameless == []


def test_every_handler_fits_a_screen_or_two() -> None:
    handlers = list((ROOT / "functions").glob("*/app.py"))
    assert handlers
    assert [handler.parent.name for handler in handlers if line_count(handler) >= HANDLER_LINES] == []


@pytest.mark.parametrize(
    "module", sorted(path for path in (ROOT / "shared" / "mooring").glob("*.py") if path.stem != "__init__")
)
def test_every_shared_module_is_named_by_a_test(module: Path) -> None:
    """Imported by a test of its own name, or by another one."""
    imported = re.compile(
        rf"\bmooring\.{module.stem}\b|\bfrom mooring import [^#\n]*\b{module.stem}\b"
        rf"|\bfrom mooring import \([^)]*\b{module.stem}\b"
    )
    tests = (ROOT / "tests").rglob("test_*.py")
    assert any(imported.search(test.read_text(encoding="utf-8")) for test in tests), module.name


def test_locks_pin_everything_by_hash() -> None:
    locks = [path for path in tracked_files() if path.suffix == ".lock"]
    assert locks
    for lock in locks:
        for requirement in re.split(r"\n(?=\S)", lock.read_text(encoding="utf-8")):
            if not requirement.startswith("#"):
                assert "==" in requirement and "--hash=sha256:" in requirement, (
                    f"{lock.name}: {requirement[:60]}"
                )

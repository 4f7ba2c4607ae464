"""Compiled modules of a built layer, and whether Lambda's Python takes them as they are."""

from pathlib import Path

# PEP 552: the version's number; then flags, of which 1 is "by a hash of the source, which nobody compares".
_MAGIC_313 = (3571).to_bytes(2, "little") + b"\r\n"
_UNCHECKED_HASH = (1).to_bytes(4, "little")


def compiled_modules(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.pyc"))


def is_of_lambda(compiled: Path) -> bool:
    return compiled.read_bytes()[:8] == _MAGIC_313 + _UNCHECKED_HASH

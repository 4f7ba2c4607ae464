"""Which platforms the files of a bundle are for."""

import struct
from pathlib import Path

import pytest

from mooring_local import native

ELF = b"\x7fELF\x02\x01" + bytes(12)
MACH_O = b"\xcf\xfa\xed\xfe"
HERE = "linux-x86_64"
FILES = {
    "linux-x86_64": ELF + struct.pack("<H", 62),
    "linux-aarch64": ELF + struct.pack("<H", 183),
    "darwin-arm64": MACH_O + struct.pack("<I", 0x0100000C),
}


@pytest.fixture(autouse=True)
def on_linux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "here", lambda: HERE)


@pytest.mark.parametrize("platform", FILES)
def test_native_code_is_known_by_how_it_begins_whatever_its_name(platform: str, tmp_path: Path) -> None:
    (tmp_path / "addon.node").write_bytes(FILES[platform])

    assert native.platforms(tmp_path) == {platform}


def test_scripts_classes_and_launchers_of_windows_are_for_any_platform(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("#!/bin/sh")
    (tmp_path / "Main.class").write_bytes(b"\xca\xfe\xba\xbe" + struct.pack(">HH", 0, 61))
    (tmp_path / "t64.exe").write_bytes(b"MZ" + bytes(100))
    (tmp_path / "link").symlink_to("run")
    (tmp_path / "empty").write_bytes(b"")

    assert native.needed(tmp_path, "linux-aarch64") is None


@pytest.mark.parametrize(
    ("there", "wanted", "needed"),
    [
        (["linux-x86_64"], "linux-aarch64", "linux-x86_64"),
        (["linux-x86_64", "linux-aarch64", "darwin-arm64"], "linux-aarch64", "linux-aarch64"),
        (["darwin-arm64"], "linux-aarch64", None),
        (["linux-x86_64"], None, "linux-x86_64"),
        ([], "linux-aarch64", None),
    ],
)
def test_code_for_other_platforms_beside_the_wanted_one_does_no_harm(
    there: list[str], wanted: str | None, needed: str | None, tmp_path: Path
) -> None:
    for platform in there:
        (tmp_path / platform).write_bytes(FILES[platform])

    assert native.needed(tmp_path, wanted) == needed

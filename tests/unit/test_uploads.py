"""Files that are to be built, in a folder (`mooring.uploads`)."""

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mooring import uploads
from mooring.errors import Conflict, InvalidRequest
from mooring.uploads import MAX_UPLOAD_BYTES, Uploads

CONTENT = b"a file"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def test_a_file_is_kept_under_its_hash(tmp_path: Path) -> None:
    kept = Uploads(tmp_path / "uploads")
    assert kept.wanted(SHA256, 6, "http://host") == {
        "method": "PUT",
        "url": f"http://host/uploads/{SHA256}",
        "headers": {},
    }
    assert await kept.put(chunks(b"a ", b"file"), SHA256) == SHA256
    assert kept.path(SHA256).read_bytes() == CONTENT
    assert kept.wanted(SHA256, 6, "http://host") is None


async def test_another_file_than_it_was_said_to_be_is_not_kept(tmp_path: Path) -> None:
    kept = Uploads(tmp_path)
    with pytest.raises(InvalidRequest, match="another file"):
        await kept.put(chunks(b"other"), SHA256)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(InvalidRequest, match="upload it again"):
        kept.path(SHA256)


async def test_a_file_that_is_too_large_is_refused_before_and_while_it_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = Uploads(tmp_path)
    with pytest.raises(InvalidRequest, match="sizeBytes"):
        kept.wanted(SHA256, MAX_UPLOAD_BYTES + 1, "http://host")
    monkeypatch.setattr(uploads, "MAX_UPLOAD_BYTES", 8)
    with pytest.raises(InvalidRequest, match="more than 8 bytes"):
        await kept.put(chunks(b"12345", b"6789"))
    assert list(tmp_path.iterdir()) == []


async def test_without_a_place_nothing_is_taken() -> None:
    kept = Uploads()
    with pytest.raises(Conflict):
        kept.wanted(SHA256, 6, "http://host")
    with pytest.raises(Conflict):
        await kept.put(chunks(CONTENT))

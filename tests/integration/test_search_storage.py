"""The index in a folder and in a bucket of a real S3 API: written, read, lost and found again."""

import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from mooring.search import manifest, writer
from mooring.search.blobs import Blobs, BucketBlobs, Changed, FolderBlobs, Missing
from mooring.search.document import Document
from mooring.search.manifest import IndexLost
from mooring.search.query import parse
from mooring.search.reader import IndexReader
from mooring.search.writer import IndexWriter
from tests import emulator
from tests.unit.search_world import BagOfWords, document, found

pytestmark = pytest.mark.integration

BUCKET = "search-index"


class Clock:
    """Stands still until it is put forward."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


STANDING = Clock()


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with emulator.running(tmp_path_factory.mktemp("emulator")) as aws, aws.client("s3") as client:
        client.create_bucket(Bucket=BUCKET)
        yield client


@pytest.fixture(params=["folder", "bucket"])
def another(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Blobs]:
    """Give the blobs of one place as one more process would open them."""
    if request.param == "folder":
        return lambda: FolderBlobs(tmp_path / "index")
    client, prefix = request.getfixturevalue("s3"), f"{uuid4()}/"
    return lambda: BucketBlobs(client, BUCKET, prefix, tmp_path / uuid4().hex)


@pytest.fixture
def blobs(another: Callable[[], Blobs]) -> Blobs:
    return another()


def reader(blobs: Blobs, clock: Callable[[], float] = STANDING) -> IndexReader:
    return IndexReader(blobs, BagOfWords(), refresh_seconds=10, clock=clock)


def built(blobs: Blobs, servers: Sequence[Document], clock: Callable[[], float] = STANDING) -> IndexWriter:
    index_writer = IndexWriter(blobs, BagOfWords(), clock)
    index_writer.rebuild(servers)
    return index_writer


SERVERS = [document("a/tides", "tides"), document("b/oak", "oaks"), document("c/both", "tides oaks")]


class TestBlobs:
    def test_a_blob_is_replaced_only_if_it_is_still_the_same(self, blobs: Blobs) -> None:
        assert blobs.etag("x") is None
        blobs.put_if("x", b"1", None)
        first = blobs.etag("x")
        with pytest.raises(Changed):
            blobs.put_if("x", b"2", None)
        blobs.put_if("x", b"2", first)
        with pytest.raises(Changed):
            blobs.put_if("x", b"3", first)
        assert blobs.get("x") == b"2"
        blobs.delete("x")
        with pytest.raises(Changed):
            blobs.put_if("x", b"4", first)

    def test_what_is_not_there_is_missing_and_may_be_deleted(self, blobs: Blobs) -> None:
        blobs.delete("x")
        with pytest.raises(Missing):
            blobs.get("x")
        with pytest.raises(Missing):
            blobs.file("x")

    def test_a_blob_is_a_file_of_this_machine(self, blobs: Blobs) -> None:
        blobs.put("x", b"content")
        assert blobs.file("x").read_bytes() == b"content"

    def test_of_many_that_replace_one_blob_at_once_one_does(self, another: Callable[[], Blobs]) -> None:
        another().put("x", b"")
        etag = another().etag("x")
        refused = []

        def replace(number: int) -> None:
            try:
                another().put_if("x", b"%d" % number, etag)
            except Changed:
                refused.append(number)

        threads = [threading.Thread(target=replace, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        (written,) = set(range(6)) - set(refused)
        assert another().get("x") == b"%d" % written


class TestChanges:
    def test_what_is_applied_is_found_replaced_and_forgotten(self, blobs: Blobs) -> None:
        clock = Clock()
        index_writer, index_reader = built(blobs, SERVERS), reader(blobs, clock)
        assert found(index_reader.index(), "tides") == ["a/tides", "c/both"]
        index_writer.apply([document("d/tides", "tides"), document("a/tides", "rain")], ["c/both", "no/such"])
        clock.now += 10
        assert found(index_reader.index(), "", 0, 9) == ["a/tides", "b/oak", "d/tides"]
        assert found(index_reader.index(), "rain") == ["a/tides"]
        index_writer.apply([document("c/both", "oaks")])
        index_writer.apply([], ["d/tides"])
        clock.now += 10
        assert sorted(found(index_reader.index(), "oaks")) == ["b/oak", "c/both"]
        assert found(index_reader.index(), "", 0, 9) == ["a/tides", "b/oak", "c/both"]

    def test_the_index_is_looked_at_again_only_after_its_seconds(self, blobs: Blobs) -> None:
        clock = Clock()
        index_writer, index_reader = built(blobs, SERVERS), reader(blobs, clock)
        before = index_reader.index()
        index_writer.apply([document("d/tides", "tides")])
        clock.now += 9.9
        assert index_reader.index() is before
        clock.now += 0.1
        assert len(index_reader.index()) == 4
        same = index_reader.index()
        clock.now += 10
        assert index_reader.index() is same

    def test_many_changes_become_one_segment(self, blobs: Blobs, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(writer, "DELTA_ROWS", 5)
        index_writer = built(blobs, SERVERS)
        for number in range(5):
            index_writer.apply([document(f"x/s{number}", "tides")])
        assert manifest.read(blobs).delta is not None
        index_writer.apply([], ["a/tides"])
        now = manifest.read(blobs)
        assert (now.delta, list(now.dead)) == (None, [])
        assert len(reader(blobs).index()) == 7

    def test_changes_of_several_writers_are_all_there(self, another: Callable[[], Blobs]) -> None:
        built(another(), [])
        writers = [IndexWriter(another(), BagOfWords()) for _ in range(3)]
        threads = [
            threading.Thread(target=each.apply, args=([document(f"a/s{number}", "tides")],))
            for number, each in enumerate(writers)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert sorted(found(reader(another()).index(), "tides")) == ["a/s0", "a/s1", "a/s2"]

    def test_a_rebuild_gives_way_to_a_change_that_it_may_have_missed(self, blobs: Blobs) -> None:
        index_writer = built(blobs, SERVERS)

        def scanned() -> Iterator[Document]:
            index_writer.apply([document("d/new", "tides")])
            yield from SERVERS

        with pytest.raises(Changed):
            IndexWriter(blobs, BagOfWords()).rebuild(scanned())
        assert len(reader(blobs).index()) == 4

    def test_segments_are_kept_while_readers_may_open_them_and_then_deleted(self, blobs: Blobs) -> None:
        clock = Clock()
        index_writer = built(blobs, SERVERS, clock)
        old = manifest.read(blobs).base.name
        index_writer.rebuild(SERVERS[:1])
        assert blobs.etag(old) is not None
        clock.now += 601
        index_writer.apply([document("d/new", "tides")])
        assert blobs.etag(old) is None
        assert len(reader(blobs).index()) == 2

    def test_a_large_rebuild_is_built_in_parts(self, blobs: Blobs, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(writer, "_BUILT_AT_ONCE", 2)
        built(blobs, [*SERVERS, document("a/tides", "rain")])
        index = reader(blobs).index()
        assert len(index) == 3
        assert found(index, "rain") == ["a/tides"]


def test_a_machine_keeps_only_the_segments_of_now(s3: Any, tmp_path: Path) -> None:
    clock, prefix = Clock(), f"{uuid4()}/"
    index_writer = built(BucketBlobs(s3, BUCKET, prefix, tmp_path / "writer"), SERVERS)
    index_reader = reader(BucketBlobs(s3, BUCKET, prefix, tmp_path / "reader"), clock)
    for number in range(3):
        index_writer.apply([document(f"x/s{number}", "tides")])
        clock.now += 10
        assert len(index_reader.index()) == 4 + number
    now = manifest.read(BucketBlobs(s3, BUCKET, prefix, tmp_path))
    assert {path.name for path in (tmp_path / "reader").iterdir()} == {part.name for part in now.parts}
    assert {path.name for path in (tmp_path / "writer").iterdir()} == {now.base.name}


class TestLoss:
    def test_there_is_none_at_first(self, blobs: Blobs) -> None:
        with pytest.raises(IndexLost):
            reader(blobs).index()
        with pytest.raises(IndexLost):
            IndexWriter(blobs, BagOfWords()).apply(SERVERS)

    @pytest.mark.parametrize("harm", [b"", b"{", b"[]", b'{"format":1}', b'{"format":99}', b"\xff\xfe"])
    def test_a_damaged_manifest_is_a_lost_index_until_it_is_rebuilt(self, blobs: Blobs, harm: bytes) -> None:
        built(blobs, SERVERS)
        blobs.put(manifest.NAME, harm)
        index_reader = reader(blobs)
        for _ in range(2):
            with pytest.raises(IndexLost):
                index_reader.index()
        built(blobs, SERVERS)
        assert len(index_reader.index()) == 3

    @pytest.mark.parametrize("what", ["base", "delta"])
    @pytest.mark.parametrize("harm", ["missing", "short", "flipped", "other"])
    def test_a_harmed_segment_is_a_lost_index(
        self, another: Callable[[], Blobs], what: str, harm: str
    ) -> None:
        built(another(), SERVERS).apply([document("d/new", "tides")])
        now = manifest.read(another())
        name = (now.base if what == "base" else now.delta or now.base).name
        data = another().get(name)
        middle = len(data) // 2
        match harm:
            case "missing":
                another().delete(name)
            case "short":
                another().put(name, data[:middle])
            case "flipped":
                another().put(name, data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :])
            case "other":
                another().put(name, b"x" * len(data))
        index_reader = reader(another())
        with pytest.raises(IndexLost):
            index_reader.index()
        with pytest.raises(IndexLost):
            index_reader.index()
        built(another(), SERVERS)
        assert len(index_reader.index()) == 3

    def test_an_index_of_another_encoder_is_lost(self, blobs: Blobs, monkeypatch: pytest.MonkeyPatch) -> None:
        index_writer = built(blobs, SERVERS)
        monkeypatch.setattr(BagOfWords, "id", "another")
        with pytest.raises(IndexLost):
            reader(blobs).index()
        with pytest.raises(IndexLost):
            index_writer.apply(SERVERS)


class TestLossWhileItIsRead:
    """In a folder the files that are mapped are the ones that others can reach."""

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        return tmp_path / "index"

    def test_a_file_that_is_cut_short_is_not_read_any_more(self, folder: Path) -> None:
        built(FolderBlobs(folder), SERVERS)
        index_reader = reader(FolderBlobs(folder))
        index_reader.index()
        next(folder.glob("segment-*")).write_bytes(b"")
        for _ in range(2):
            with pytest.raises(IndexLost):
                index_reader.index()
        built(FolderBlobs(folder), SERVERS)
        assert len(index_reader.index()) == 3

    @pytest.mark.parametrize("pattern", ["segment-*", manifest.NAME])
    def test_a_file_that_is_gone_is_noticed_at_the_next_look(self, folder: Path, pattern: str) -> None:
        clock = Clock()
        built(FolderBlobs(folder), SERVERS)
        index_reader = reader(FolderBlobs(folder), clock)
        index = index_reader.index()
        next(folder.glob(pattern)).unlink()
        assert index_reader.index() is index
        assert index.search(parse("tides"), 0, 9).total == 2
        clock.now += 10
        with pytest.raises(IndexLost):
            index_reader.index()

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from mooring_worker.lines import LineSplitter, OverlongLine


def in_pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[a:b] for a, b in pairwise(edges)]


@given(st.lists(st.binary(max_size=12)), st.lists(st.integers(min_value=0, max_value=200), max_size=8))
def test_lines_do_not_depend_on_how_they_arrive(parts: list[bytes], cuts: list[int]) -> None:
    data = b"\n".join(parts)
    *lines, rest = data.split(b"\n")
    splitter = LineSplitter(8)

    found = [line for piece in in_pieces(data, cuts) for line in splitter.feed(piece)]

    assert found == [line if len(line) <= 8 else OverlongLine(len(line)) for line in lines]
    assert splitter.end() == ((rest if len(rest) <= 8 else OverlongLine(len(rest))) if rest else None)
    assert splitter.end() is None


def test_an_unfinished_line_holds_no_more_than_the_limit() -> None:
    splitter = LineSplitter(1000)

    for _ in range(10_000):
        assert splitter.feed(b"x" * 500) == []
        assert len(splitter._rest) <= 1000

    assert splitter.feed(b"\nnext\n") == [OverlongLine(5_000_000), b"next"]

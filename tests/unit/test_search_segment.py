"""Segments that are put together answer as one that was built at once."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mooring.search import segment
from mooring.search.document import Document, Tool
from mooring.search.index import Hit, Index
from mooring.search.query import parse
from mooring.search.segment import Segment
from tests.unit.search_world import BagOfWords, Mute, document

WORDS = ("tides", "oak", "harbour", "weather", "queries", "sailing", "café", "天気予報")
ASKED = (*WORDS, "", "tides harbour", "tidse", "a/s1", "is:deployed oak", "owner:b weather", "query")


def documents() -> st.SearchStrategy[Document]:
    text = st.lists(st.sampled_from(WORDS), max_size=5).map(" ".join)
    tool = st.builds(Tool, name=st.sampled_from(WORDS[:5]), description=text)
    return st.builds(
        lambda name, told, tools, use_count, deployed: document(
            name, told, tools=tools, use_count=use_count, is_deployed=deployed, keywords=(told[:4],)
        ),
        st.sampled_from([f"{owner}/s{number}" for owner in "abc" for number in range(5)]),
        text,
        st.lists(tool, max_size=3, unique_by=lambda each: each.name),
        st.integers(0, 3),
        st.booleans(),
    )


def answers(index: Index) -> list[list[tuple[Hit, ...]]]:
    return [
        [
            tuple(rounded(hit) for hit in search(parse(q), 0, 50).hits)
            for search in (index.search, index.search_tools)
        ]
        for q in ASKED
    ]


def rounded(hit: Hit) -> Hit:
    """Sums of the same numbers in another order differ in the last digit."""
    return replace(hit, score=round(hit.score, 4))


def alive(parts: list[Segment]) -> list[np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    """A later segment's servers replace those of earlier ones."""
    masks = []
    for number, part in enumerate(parts):
        later = {name for other in parts[number + 1 :] for name in other.servers.names}
        masks.append(np.array([name not in later for name in part.servers.names], np.bool_))
    return masks


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(documents(), max_size=6), min_size=1, max_size=3))
def test_merged_segments_are_the_segment_of_all_documents(groups: list[list[Document]]) -> None:
    encoder = BagOfWords()
    parts = [Segment.of(segment.build(group, encoder)) for group in groups]
    merged = Segment.of(segment.merge(list(zip(parts, alive(parts), strict=True))))
    at_once = Segment.of(segment.build([each for group in groups for each in group], encoder))
    for name, array in at_once.arrays.arrays.items():
        if not name.startswith("spelling"):  # which forgets nothing
            assert np.array_equal(array, merged.arrays[name]), name


@settings(max_examples=40, deadline=None)
@given(st.lists(documents(), max_size=8), st.lists(documents(), max_size=8))
def test_two_segments_answer_as_one(older: list[Document], newer: list[Document]) -> None:
    encoder = BagOfWords()
    parts = [Segment.of(segment.build(group, encoder)) for group in (older, newer)]
    apart = Index(parts, alive(parts), encoder)
    merged = Segment.of(segment.merge(list(zip(parts, alive(parts), strict=True))))
    together = Index([merged], [np.ones(len(merged.servers), np.bool_)], encoder)
    assert apart.search(parse(""), 0, 50) == together.search(parse(""), 0, 50)
    for q in ASKED:
        names = [sorted(hit.name for hit in each.search(parse(q), 0, 50).hits) for each in (apart, together)]
        assert names[0] == names[1], q


def test_merging_reads_no_text_again() -> None:
    encoder = BagOfWords()
    parts = [Segment.of(segment.build([document(f"a/s{number}", "tides")], encoder)) for number in range(3)]
    encoded = encoder.encoded
    segment.merge(list(zip(parts, alive(parts), strict=True)))
    assert encoder.encoded == encoded


@pytest.mark.parametrize("count", [0, 1, 3])
def test_scores_do_not_depend_on_how_servers_are_spread_over_segments(count: int) -> None:
    encoder = BagOfWords()
    servers = [document(f"a/s{number}", f"tides {WORDS[number]}") for number in range(6)]
    parts = [Segment.of(segment.build(group, encoder)) for group in (servers[:count], servers[count:])]
    apart = Index(parts, alive(parts), encoder)
    assert answers(apart) == answers(Index.build(servers, encoder))


def test_equals_of_several_segments_are_in_the_order_of_their_names() -> None:
    encoder = Mute()
    servers = [document(f"n{number:02}/same", "tides") for number in range(40)]
    parts = [Segment.of(segment.build(group, encoder)) for group in (servers[::2], servers[1::2])]
    hits = Index(parts, alive(parts), encoder).search(parse("tides"), 0, 50).hits
    assert [hit.name for hit in hits] == [each.name for each in servers]

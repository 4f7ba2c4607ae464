import pytest
from hypothesis import given
from hypothesis import strategies as st

from mooring.search.query import Filters, Query, parse


@pytest.mark.parametrize(
    "q",
    [
        "owner:smithery-ai repo:fetch is:deployed machine learning",
        "machine is:deployed learning repo:fetch owner:smithery-ai",
        'OWNER:@Smithery-AI  Repo:"fetch" IS:Deployed "machine   learning"',
    ],
)
def test_filters_are_found_in_any_order_case_and_quoting(q: str) -> None:
    filters = Filters(owner="smithery-ai", repo="fetch", deployed=True)
    assert parse(q) == Query("machine learning", filters)


def test_a_quoted_value_may_have_spaces() -> None:
    assert parse('repo:"my repo" x') == Query("x", Filters(repo="my repo"))


def test_every_state_and_the_namespace_are_filters() -> None:
    filters = Filters(namespace="acme", verified=True, remote=True, deployed=True)
    assert parse("is:verified namespace:acme is:remote is:deployed") == Query("", filters)


def test_what_q_says_comes_before_what_was_given_and_the_rest_stays() -> None:
    given_filters = Filters(owner="acme", deployed=False, ids=frozenset({"a/b"}))
    assert parse("owner:other x", given_filters) == Query(
        "x", Filters(owner="other", deployed=False, ids=frozenset({"a/b"}))
    )


@pytest.mark.parametrize("q", ["is:shiny", "lang:python", "owner:", 'owner:""', "owner:@", "is:"])
def test_a_filter_nobody_knows_is_reported_and_filters_nothing(q: str) -> None:
    assert parse(f"a {q} b") == Query("a b", unknown=(q,))


@pytest.mark.parametrize("q", ["https://example.com", "c++", ":b:c/d", "12:30", '"', "NEAR AND *", "%_\\"])
def test_other_punctuation_is_text(q: str) -> None:
    assert parse(q) == Query(q)


@given(st.text())
def test_any_text_can_be_asked(q: str) -> None:
    text = parse(q).text
    assert text == " ".join(text.split())

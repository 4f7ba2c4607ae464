from typing import Any

import pytest

from mooring.errors import InvalidRequest
from mooring.search.query import Filters, Query
from mooring.search_api import asked


@pytest.mark.parametrize(
    ("parameters", "filters"),
    [
        ({}, Filters()),
        ({"repo_owner": "Acme", "repo_name": "My Repo"}, Filters(owner="acme", repo="my repo")),
        ({"namespace": "@Acme"}, Filters(namespace="acme")),
        (
            {"is_deployed": True, "verified": False, "remote": True},
            Filters(deployed=True, verified=False, remote=True),
        ),
        ({"ids": ["a/b,@C/d", " e/f ,"]}, Filters(ids=frozenset({"a/b", "c/d", "e/f"}))),
        ({"q": "owner:other", "repo_owner": "acme"}, Filters(owner="other")),
        ({"q": "is:deployed", "is_deployed": False}, Filters(deployed=True)),
    ],
)
async def test_parameters_are_filters_as_those_in_q_are(parameters: dict[str, Any], filters: Filters) -> None:
    assert (await asked(**parameters)).filters == filters


async def test_what_is_no_filter_is_text_or_told() -> None:
    assert await asked("weather lang:python for sailors") == Query(
        text="weather for sailors", unknown=("lang:python",)
    )


async def test_too_many_ids_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="ids must have at most 500 entries"):
        await asked(ids=[",".join(f"a/{number}" for number in range(501))])

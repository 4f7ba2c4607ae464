"""Routes that search: servers, and tools across servers."""

from collections.abc import Iterable, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from starlette.responses import JSONResponse

from mooring.authentication import Reader
from mooring.errors import InvalidRequest
from mooring.registry_search import Answer, RegistrySearch
from mooring.search import query as queries
from mooring.search.query import Filters

_MAX_QUERY_CHARACTERS = 1000
_MAX_LISTED = 500
"""Ids or fields of one request."""
_SOURCE_HEADER = "X-Mooring-Search"

Name = Annotated[str, Query(max_length=200)]
Page = Annotated[int, Query(ge=1)]
PageSize = Annotated[int, Query(alias="pageSize", ge=1, le=100)]
Listed = Annotated[list[str], Query(max_length=_MAX_LISTED, description="Repeated, or parted by commas.")]


async def asked(  # "async": there is nothing to wait for, and no thread to be taken for it
    q: Annotated[
        str,
        Query(
            max_length=_MAX_QUERY_CHARACTERS,
            description=(
                "Words, and filters anywhere among them: owner:, repo:, namespace:, is:deployed, "
                "is:verified, is:remote."
            ),
        ),
    ] = "",
    repo_owner: Annotated[Name, Query(alias="repoOwner")] = "",
    repo_name: Annotated[Name, Query(alias="repoName")] = "",
    namespace: Name = "",
    is_deployed: Annotated[bool | None, Query(alias="isDeployed")] = None,
    verified: bool | None = None,
    remote: bool | None = None,
    ids: Listed = [],  # noqa: B006  # FastAPI copies it
) -> queries.Query:
    """Return what a request asks for; a filter in `q` counts before the parameter of its kind."""
    names = frozenset(_key(name) for name in _parted(ids, "ids"))
    filters = Filters(
        owner=_key(repo_owner) or None,
        repo=_key(repo_name) or None,
        namespace=_key(namespace) or None,
        deployed=is_deployed,
        verified=verified,
        remote=remote,
        ids=names or None,
    )
    return queries.parse(q, filters)


Asked = Annotated[queries.Query, Depends(asked)]


def routes(search: RegistrySearch) -> APIRouter:
    router = APIRouter()

    @router.get("/servers")
    def search_servers(
        reader: Reader,
        query: Asked,
        page: Page = 1,
        page_size: PageSize = 10,
        top_k: Annotated[int | None, Query(alias="topK", ge=1, le=500)] = None,
        fields: Listed = [],  # noqa: B006  # FastAPI copies it
        seed: Annotated[
            int | None, Query(description="Changes nothing: the order is always the same.")
        ] = None,
    ) -> JSONResponse:
        wanted = list(_parted(fields, "fields"))
        answer = search.servers(query, page, page_size, most=top_k)
        entries = [_projected(entry, wanted) for entry in answer.entries] if wanted else answer.entries
        return _page("servers", entries, answer, query, page, page_size)

    @router.get("/tools")
    def search_tools(reader: Reader, query: Asked, page: Page = 1, page_size: PageSize = 10) -> JSONResponse:
        answer = search.tools(query, page, page_size)
        return _page("tools", answer.entries, answer, query, page, page_size)

    return router


def _page(
    noun: str,
    entries: Sequence[dict[str, Any]],
    answer: Answer,
    query: queries.Query,
    page: int,
    page_size: int,
) -> JSONResponse:
    # As a response of our own: FastAPI would walk through all of it once more.
    return JSONResponse(
        {
            noun: entries,
            "pagination": {
                "currentPage": page,
                "pageSize": page_size,
                "totalPages": -(-answer.total // page_size),
                "totalCount": answer.total,
            },
            **({"unknownFilters": query.unknown} if query.unknown else {}),
        },
        headers={_SOURCE_HEADER: answer.source} if answer.source != "index" else None,
    )


def _projected(entry: dict[str, Any], fields: Iterable[str]) -> dict[str, Any]:
    return {name: entry[name] for name in fields if name in entry}


def _parted(values: Iterable[str], field: str) -> list[str]:
    """Return the values of a parameter that may be repeated, and each of them a list with commas."""
    parts = [part.strip() for value in values for part in value.split(",")]
    found = [part for part in parts if part]
    if len(found) > _MAX_LISTED:
        raise InvalidRequest(f"{field} must have at most {_MAX_LISTED} entries")
    return found


def _key(name: str) -> str:
    return name.strip().removeprefix("@").lower()

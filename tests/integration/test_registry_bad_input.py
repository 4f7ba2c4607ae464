"""Whatever is sent, the registry answers rightly or says what is wrong: never a 500."""

import json
from typing import Any
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.registry import publish

pytestmark = pytest.mark.integration

SOME = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
AS_JSON = {"Content-Type": "application/json"}
PATHS = [
    "/servers/{}",
    "/v0.1/servers/{}/versions",
    "/v0.1/servers/{}/versions/latest",
    "/v0.1/servers/acme/weather/versions/{}",
]
NAMES = st.one_of(
    st.text(max_size=60),
    st.sampled_from(
        ["acme/weather", "@Acme/Weather", "io.github.acme/weather", "ünï/cödé", "a/" + "b" * 300]
    ),
    st.builds("{}/{}".format, st.text(max_size=20), st.text(max_size=20)),
)
# What Python's json writes and reads: NaN, infinity and halves of surrogate pairs too.
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=6,
)
FIELDS = [
    *("displayName", "description", "homepage", "repository", "license", "iconUrl", "version", "createdAt"),
    *(
        "categories",
        "keywords",
        "remotes",
        "packages",
        "configSchema",
        "source",
        "tools",
        "prompts",
        "resources",
    ),
    *("hosted", "unlisted", "verified", "useCount", "release", "qualifiedName", "deleted", "unknown"),
]
ODD_QUERIES = [
    '"',
    '"unclosed phrase',
    "*",
    "NEAR(a b)",
    "a AND b OR NOT c",
    "%",
    "' OR 1=1 --",
    "owner:",
    "is:",
    ":",
    "\x00\x1f\x7f",
    "\u202e\u0000é😀",
    "q" * 1000,
    "owner:acme " * 80,
]


def is_plain(answer: Any) -> bool:
    """Return whether an answer is right or says what is wrong, in the one shape."""
    if answer.is_success:
        return True
    return 400 <= answer.status_code < 500 and set(answer.json()) >= {"error", "message"}


@pytest.fixture
def known(http: TestClient) -> TestClient:
    publish(http, "Acme/Weather", description="Forecasts", version="1")
    return http


@pytest.mark.parametrize("path", PATHS)
@SOME
@given(name=NAMES)
def test_any_name_is_found_or_refused(known: TestClient, path: str, name: str) -> None:
    for written in (quote(name, safe=""), quote(name), quote(quote(name, safe=""))):
        assert is_plain(known.get(path.format(written))), written


@SOME
@given(name=NAMES, method=st.sampled_from(["PUT", "PATCH", "DELETE", "POST"]))
def test_any_name_is_changed_or_refused(known: TestClient, name: str, method: str) -> None:
    for path in (
        "/servers/{}",
        "/servers/{}/transfer",
        "/namespaces/{}/transfer",
        "/profiles/{}",
        "/keys/{}",
    ):
        answer = known.request(method, path.format(quote(name, safe="")), json={})
        assert is_plain(answer), path


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@SOME
@given(body=st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=3))
def test_any_body_is_taken_or_refused(known: TestClient, method: str, body: Any) -> None:
    content = json.dumps(body)
    answer = known.request(method, "/servers/acme/weather", content=content, headers=AS_JSON)
    assert is_plain(answer), answer.text
    for path in ("/servers/acme/weather", "/v0.1/servers", "/v0.1/servers/acme/weather/versions"):
        assert known.get(path).status_code in (200, 404)


@SOME
@given(
    entries=st.lists(
        st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=3) | JSON, min_size=1, max_size=4
    )
)
def test_any_entries_are_brought_in_or_refused(known: TestClient, entries: Any) -> None:
    content = json.dumps({"servers": entries})
    answer = known.post("/servers/batch", content=content, headers=AS_JSON)
    assert answer.status_code == 200
    assert len(answer.json()["results"]) == len(entries)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"null", b'"x"', b"\xff", b'{"a":' * 2000, b'{"name": NaN}']
)
def test_a_body_that_is_no_object_is_refused(known: TestClient, content: bytes) -> None:
    calls = [
        ("PUT", "/servers/acme/x"),
        ("PATCH", "/servers/acme/weather"),
        ("POST", "/servers/batch"),
        ("POST", "/keys"),
    ]
    for method, path in calls:
        answer = known.request(method, path, content=content, headers=AS_JSON)
        assert answer.status_code in (400, 422), path
        assert set(answer.json()) >= {"error", "message"}


@pytest.mark.parametrize("q", ODD_QUERIES)
def test_an_odd_query_is_only_text(known: TestClient, q: str) -> None:
    for path, name in (("/servers", "q"), ("/v0.1/servers", "search")):
        assert is_plain(known.get(path, params={name: q}))


@pytest.mark.parametrize(
    ("path", "params", "field"),
    [
        ("/servers", {"q": "x" * 10_000}, "q"),
        ("/servers", {"page": "0"}, "page"),
        ("/servers", {"page": "-1"}, "page"),
        ("/servers", {"page": "one"}, "page"),
        ("/servers", {"pageSize": "0"}, "pageSize"),
        ("/servers", {"pageSize": "101"}, "pageSize"),
        ("/v0.1/servers", {"search": "x" * 10_000}, "search"),
        ("/v0.1/servers", {"cursor": "x" * 10_000}, "cursor"),
    ],
)
def test_a_parameter_out_of_its_bounds_is_named(
    known: TestClient, path: str, params: dict[str, str], field: str
) -> None:
    answer = known.get(path, params=params)
    assert answer.status_code == 422
    assert [problem["field"] for problem in answer.json()["errors"]] == [field]


def test_what_was_sent_is_not_repeated(known: TestClient) -> None:
    body = {
        "displayName": {"secret": "sk-9f8e7d6c"},
        "release": {"launch": {"command": 3, "env": {"T": ["sk-9f8e7d6c"]}}},
    }
    answer = known.put("/servers/acme/weather", json=body)
    assert answer.status_code == 422
    assert "sk-9f8e7d6c" not in answer.text
    batch = known.post("/servers/batch", json={"servers": [{"qualifiedName": "a/b", **body}]})
    assert "sk-9f8e7d6c" not in json.dumps(batch.json())

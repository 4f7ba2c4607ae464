import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mooring import configuration
from mooring.imports.entries import Imported, Refused, imported

SAVED = Path(__file__).parents[2] / "data" / "official_registry.json"
OFFICIAL = "io.modelcontextprotocol.registry/official"

Json = dict[str, Any]


@pytest.fixture(scope="module")
def saved() -> dict[str, Imported]:
    """What becomes of the saved answer, by the names that the registry has for them."""
    read = imported(json.loads(SAVED.read_text())["servers"], "https://registry.test")
    return {one.label: one for one in read if isinstance(one, Imported)}


def entry(version: str = "1.0.0", is_latest: bool | None = None, **members: Any) -> Json:
    meta = {} if is_latest is None else {"_meta": {OFFICIAL: {"isLatest": is_latest}}}
    return {"server": {"name": "com.example/one", "version": version, **members}, **meta}


def mapped(**members: Any) -> Json:
    """Return the server that an entry with these members becomes."""
    (one,) = imported([entry(**members)], "there")
    assert isinstance(one, Imported), one
    return one.server


def test_what_a_server_says_about_itself_is_kept(saved: dict[str, Imported]) -> None:
    server = saved["com.example/ledger"].server
    assert {
        name: server[name] for name in ("displayName", "description", "homepage", "iconUrl", "version")
    } == {
        "displayName": "Ledger",
        "description": "Reads and writes entries of a double-entry ledger.",
        "homepage": "https://example.com/ledger",
        "iconUrl": "https://example.com/ledger.png",
        "version": "2.1.0",
    }


def test_what_has_no_title_is_shown_by_the_end_of_its_name(saved: dict[str, Imported]) -> None:
    assert saved["io.github.acme/tides"].server["displayName"] == "tides"


def test_the_repository_stands_in_for_a_homepage(saved: dict[str, Imported]) -> None:
    server = saved["io.github.acme/tides"].server
    assert server["homepage"] == server["repository"] == "https://github.com/acme/tides"


def test_what_no_browser_can_open_is_no_homepage_and_no_icon() -> None:
    server = mapped(websiteUrl="see the readme", icons=[{"src": "data:image/png;base64,AAAA"}])
    assert server.keys().isdisjoint({"homepage", "iconUrl"})


def test_where_a_server_is_from_is_told_with_its_name_there(saved: dict[str, Imported]) -> None:
    assert saved["io.github.acme/winds"].names == ("acme/winds", "io.github.acme/winds")
    assert saved["io.github.acme/winds"].server["source"] == {
        "registry": "https://registry.test",
        "name": "io.github.acme/winds",
        "version": "0.3.1",
        "updatedAt": "2026-03-02T10:00:00Z",
        "status": "deprecated",
    }


def test_what_is_deleted_there_is_to_be_deleted_here(saved: dict[str, Imported]) -> None:
    server = saved["io.github.other/gone"].server
    assert server["deleted"] is True
    assert server.keys() == {"deleted", "source"}


def test_the_inputs_of_all_ways_to_use_a_server_are_one_config_schema(saved: dict[str, Imported]) -> None:
    schema = saved["io.github.acme/tides"].server["configSchema"]
    assert schema == {
        "type": "object",
        "properties": {
            "TIDES_API_KEY": {
                "type": "string",
                "format": "password",
                "writeOnly": True,
                "description": "A key",
            },
            "TIDES_VERBOSE": {"type": "boolean", "default": False},
            "days": {"type": "number", "default": 7},
            "harbour": {"type": "array", "items": {"type": "string", "examples": ["lisbon"]}},
            "cache_folder": {
                "type": "string",
                "format": "filepath",
                "description": "Where tables are kept",
            },
        },
    }


def test_what_only_one_of_two_ways_requires_is_not_required() -> None:
    key = {"name": "KEY", "isRequired": True}
    one = {"registryType": "npm", "identifier": "one", "environmentVariables": [key]}
    other = {"registryType": "oci", "identifier": "one"}
    assert mapped(packages=[one])["configSchema"]["required"] == ["KEY"]
    assert "required" not in mapped(packages=[one, other])["configSchema"]


def test_the_package_that_is_easiest_to_host_comes_first(saved: dict[str, Imported]) -> None:
    packages = saved["io.github.acme/tides"].server["packages"]
    assert [package["registryType"] for package in packages] == ["npm", "oci"]


def test_a_package_stays_as_its_publisher_wrote_it() -> None:
    package = {
        "registryType": "mcpb",
        "identifier": "https://example.com/x.mcpb",
        "fileSha256": "0" * 64,
        "x": 1,
    }
    assert mapped(packages=[package])["packages"] == [package]


def test_a_remote_is_a_server_at_a_url_with_its_headers_and_variables(saved: dict[str, Imported]) -> None:
    server = saved["com.example/ledger"].server
    streamable, sse = server["remotes"]
    assert (streamable["type"], streamable["url"]) == ("http", "https://{tenant}.example.com/mcp")
    assert [header["name"] for header in streamable["headers"]] == ["Authorization", "X-Region"]
    assert streamable["variables"] == {"tenant": {"description": "Your account", "default": "demo"}}
    assert sse == {"type": "sse", "url": "https://example.com/sse"}
    assert server["configSchema"]["properties"].keys() == {"api_token", "X-Region", "tenant"}


def test_a_variable_of_an_address_that_nobody_describes_is_required() -> None:
    remote = {"type": "sse", "url": "https://example.com/{room}"}
    assert mapped(remotes=[remote])["configSchema"]["required"] == ["room"]


def test_a_remote_of_an_unknown_type_is_left_out() -> None:
    assert "remotes" not in mapped(remotes=[{"type": "carrier-pigeon", "url": "https://example.com"}])


def test_only_the_version_that_is_said_to_be_the_latest_counts() -> None:
    read = imported([entry("2.0.0", False), entry("1.0.0", True), entry("3.0.0", False)], "there")
    assert [one.server["version"] for one in read if isinstance(one, Imported)] == ["1.0.0"]


def test_older_versions_alone_are_nothing() -> None:
    assert list(imported([entry("2.0.0", False)], "there")) == []


def test_where_nobody_says_which_is_the_latest_the_greatest_version_counts() -> None:
    versions = ("1.9.0", "1.10.0-beta", "1.10.0", "1.2.0")
    read = imported([entry(version) for version in versions], "there")
    assert [one.server["version"] for one in read if isinstance(one, Imported)] == ["1.10.0"]


def test_a_plain_server_json_is_an_entry_too() -> None:
    (one,) = imported([{"name": "com.example/one"}], "there")
    assert isinstance(one, Imported)
    assert one.names == ("com.example/one",)


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (7, "it: must be a JSON object"),
        ({"server": {"name": "weather"}}, "name: "),
        (entry(packages=[{"identifier": "one"}]), "packages.0.registryType: is missing"),
        (entry(remotes=[{"type": "sse", "url": 7}]), "remotes.0.url: "),
        (
            entry(
                packages=[{"registryType": "npm", "identifier": "x", "packageArguments": [{"type": "named"}]}]
            ),
            "pa",
        ),
    ],
)
def test_what_does_not_fit_is_refused_by_the_name_of_the_member(broken: Any, reason: str) -> None:
    (one,) = imported([broken], "there")
    assert isinstance(one, Refused)
    assert one.reason.startswith(reason)


words = st.text(max_size=6)
names = st.sampled_from(["token", "KEY", "--port", "-", "config", "a.b", "é"]) | words
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | words, lambda inner: st.lists(inner, max_size=2), max_leaves=4
)
one_input = {
    "description": words,
    "isRequired": st.booleans(),
    "isSecret": st.booleans(),
    "format": st.sampled_from(["string", "number", "boolean", "filepath"]),
    "default": words | st.sampled_from(["8080", "true"]),
    "placeholder": words,
    "choices": st.lists(words | st.just("8080"), max_size=3),
}
input_ = st.fixed_dictionaries({}, optional=one_input)
with_variables = {
    **one_input,
    "value": st.sampled_from(["fixed", "{token}", "Bearer {token}{KEY}", "{{token}", "${x}"]) | words,
    "variables": st.dictionaries(names, input_, max_size=2),
}
key_value = st.fixed_dictionaries({"name": names.filter(bool)}, optional=with_variables)
argument = st.fixed_dictionaries(
    {"type": st.just("named"), "name": names.filter(bool)},
    optional={**with_variables, "isRepeated": st.booleans()},
) | st.fixed_dictionaries(
    {"type": st.just("positional"), "valueHint": names},
    optional={**with_variables, "isRepeated": st.booleans()},
)
remote = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["streamable-http", "sse"]),
        "url": st.sampled_from(["https://a.test/{token}/{x}", "https://a.test", ""]),
    },
    optional={
        "headers": st.lists(key_value, max_size=2),
        "variables": st.dictionaries(names, input_, max_size=2),
    },
)
package = st.fixed_dictionaries(
    {
        "registryType": st.sampled_from(["npm", "pypi", "oci", "nuget", "mcpb", "cargo"]),
        "identifier": words.filter(bool),
        "transport": remote | st.just({"type": "stdio"}),
    },
    optional={
        "version": words.filter(bool),
        "runtimeHint": words,
        "runtimeArguments": st.none() | st.lists(argument, max_size=3),
        "packageArguments": st.lists(argument, max_size=3),
        "environmentVariables": st.lists(key_value, max_size=3),
    },
)
server_json = st.fixed_dictionaries(
    {"name": st.from_regex(r"[a-zA-Z0-9.-]+/[a-zA-Z0-9._-]+", fullmatch=True), "version": words.filter(bool)},
    optional={
        "title": words,
        "description": words,
        "websiteUrl": words,
        "repository": st.fixed_dictionaries({"url": words, "source": words}),
        "icons": st.lists(st.fixed_dictionaries({"src": words}), max_size=2),
        "packages": st.lists(package, max_size=2),
        "remotes": st.none() | st.lists(remote, max_size=2),
        "_meta": json_values,
    },
)


@given(server_json)
def test_every_server_json_becomes_a_server_whose_config_schema_can_be_used(described: Json) -> None:
    (one,) = imported([{"server": described, "_meta": {OFFICIAL: {"status": "active"}}}], "there")
    if isinstance(one, Refused):
        assert one.reason.startswith(("qualifiedName must be", "name: "))
        return
    json.dumps(one.server)
    schema = one.server.get("configSchema")
    if schema:
        configuration.check_schema(schema)
        configuration.check({}, {**schema, "required": []})


@given(json_values | st.fixed_dictionaries({"server": json_values, "_meta": json_values}))
def test_no_document_at_all_is_more_than_refused(document: Any) -> None:
    (one,) = imported([document], "there")
    assert isinstance(one, Refused)
    assert one.reason

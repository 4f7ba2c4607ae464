"""The registry as an MCP server: clients of someone else's making, over HTTP and through the main path.

The second way is a server as any other, `mooring add registry`, which the clients reach by WebSocket.
"""

import asyncio
import json
from typing import Any

import pytest

from tests.clients.programs import (
    JAVASCRIPT,
    PYTHON_1,
    PYTHON_2,
    Program,
    Seen,
    over_http,
    over_websocket,
)
from tests.clients.scenarios import Scenario, step, tool
from tests.stack import Stack, until_empty

pytestmark = pytest.mark.integration

PROGRAMS = (JAVASCRIPT, PYTHON_1, PYTHON_2)
NAME = "acme/mcp-weather"
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
FORECAST = {"name": "forecast", "description": "Forecasts spring tides", "inputSchema": SCHEMA}
INDEXED_SECONDS = 30.0  # a change is found by its meaning within 15 s
SCENARIO: Scenario = {
    "answers": {},
    "steps": [
        step("tools", "tools/list"),
        tool("search", "search_servers", query=f"{NAME} is:deployed", limit=3),
        tool("search tools", "search_tools", query="forecast of the spring tides"),
        tool("look up", "get_server", qualifiedName=f"@{NAME.upper()}"),
        tool("nobody", "get_server", qualifiedName="acme/nobody"),
        tool("bad limit", "search_servers", query="x", limit=21),
        tool("bad name", "get_server", qualifiedName="nö name"),
        tool("no query", "search_tools", limit=1),
        tool("unknown tool", "delete_server", qualifiedName=NAME),
    ],
}


@pytest.fixture(scope="module")
def plays(stack: Stack) -> dict[str, Seen]:
    """What each client sees of the registry, by way and client."""
    stack.put(NAME, "python3", schema=SCHEMA)
    stack.call("PATCH", f"/servers/{NAME}", {"tools": [FORECAST]})
    stack.command("add", "registry")
    _, key = stack.call("POST", "/keys", {"name": "agent", "scopes": ["read"]})
    http = over_http(f"{stack.url}/registry/mcp", key["key"])
    websocket = over_websocket(stack.connect_url("mooring/registry", {"apiKey": key["key"]}))
    ways = {
        f"{program.name} over {way}": (program, target)
        for program in PROGRAMS
        for way, target in (("HTTP", http), ("WebSocket", websocket))
    }

    async def not_indexed() -> bool:
        _, answer = await asyncio.to_thread(stack.call, "GET", "/tools?q=spring+tides")
        return not answer.get("tools")

    async def play_all() -> dict[str, Seen]:
        await until_empty(not_indexed, INDEXED_SECONDS)
        seen = await asyncio.gather(*(program.play(target, SCENARIO) for program, target in ways.values()))
        return dict(zip(ways, seen, strict=True))

    return asyncio.run(play_all())


@pytest.fixture(
    params=[f"{program.name} over {way}" for program in PROGRAMS for way in ("HTTP", "WebSocket")]
)
def seen(plays: dict[str, Seen], request: pytest.FixtureRequest) -> Seen:
    return plays[request.param]


def test_the_tools_are_listed(seen: Seen) -> None:
    tools = seen["results"]["tools"]["result"]["tools"]
    assert [one["name"] for one in tools] == ["search_servers", "search_tools", "get_server"]
    assert all(one["inputSchema"]["additionalProperties"] is False for one in tools)
    assert seen["server"]["info"]["name"] == "mooring/registry"
    assert "search_tools" in seen["server"]["instructions"]


@pytest.mark.parametrize("way", ["HTTP", "WebSocket"])
def test_clients_of_both_eras_speak_their_own_protocol(plays: dict[str, Seen], way: str) -> None:
    handshake, modern = (
        plays[f"{program.name} over {way}"]["server"]["protocolVersion"] for program in (PYTHON_1, PYTHON_2)
    )
    assert handshake < "2026" <= modern


def test_a_server_is_found_with_the_way_to_connect(seen: Seen, stack: Stack) -> None:
    (found, *_) = structured(seen, "search")["servers"]
    assert (found["qualifiedName"], found["isDeployed"]) == (NAME, True)
    assert found["connection"]["type"] == "ws"
    assert found["connection"]["url"] == f"{stack.ws_url}/{NAME}/ws"
    assert found["connection"]["configSchema"]["properties"] == SCHEMA["properties"]


def test_a_tool_is_found_with_what_it_takes_and_where_it_is(seen: Seen, stack: Stack) -> None:
    (found, *_) = structured(seen, "search tools")["tools"]
    assert {name: found[name] for name in FORECAST} == FORECAST
    assert (found["server"], found["connection"]["url"]) == (NAME, f"{stack.ws_url}/{NAME}/ws")


def test_a_server_is_looked_up_with_its_tools(seen: Seen) -> None:
    server = structured(seen, "look up")
    assert server["qualifiedName"] == NAME
    assert [(one["name"], one["inputSchema"]["type"]) for one in server["tools"]] == [("forecast", "object")]
    assert "launch" not in json.dumps(server)


def test_the_text_of_an_answer_is_its_structured_content(seen: Seen) -> None:
    for label in ("search", "search tools", "look up"):
        assert json.loads(text(seen, label)) == structured(seen, label)


@pytest.mark.parametrize(
    ("label", "reason"),
    [
        ("nobody", "no server acme/nobody"),
        ("bad limit", "limit must be at most 20"),
        ("bad name", "qualifiedName must be owner/name"),
        ("no query", "query is required"),
    ],
)
def test_what_a_tool_cannot_do_is_told_as_its_result(seen: Seen, label: str, reason: str) -> None:
    assert seen["results"][label]["result"]["isError"] is True
    assert reason in text(seen, label)


def test_an_unknown_tool_is_an_error_of_the_protocol(seen: Seen) -> None:
    failure = seen["results"]["unknown tool"]["error"]
    assert failure["code"] == -32602
    assert "delete_server" in failure["message"]


def test_nothing_comes_that_nobody_asked_for(seen: Seen) -> None:
    assert (seen["strays"], seen["notifications"]) == ([], {})


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
async def test_without_a_valid_key_no_client_gets_in(stack: Stack, program: Program) -> None:
    with pytest.raises(AssertionError, match=r"401|nauthorized|returned an error"):
        await program.play(over_http(f"{stack.url}/registry/mcp", "mk_none"), SCENARIO)


async def test_a_session_with_a_wrong_key_is_told_so_in_band(stack: Stack, plays: dict[str, Seen]) -> None:
    url = stack.connect_url("mooring/registry", {"apiKey": "mk_none"})
    with pytest.raises(AssertionError, match="API key is not known"):
        await PYTHON_1.play(over_websocket(url), SCENARIO)


def structured(seen: Seen, label: str) -> dict[str, Any]:
    content: dict[str, Any] = seen["results"][label]["result"]["structuredContent"]
    return content


def text(seen: Seen, label: str) -> str:
    words: str = seen["results"][label]["result"]["content"][0]["text"]
    return words

"""Scans over a real WebSocket of servers that answer by hand: each has a personality that there is."""

from typing import Any

import pytest

from mooring import listing, scanning
from mooring.errors import ChildExited, StartFailed, WorkerUnavailable
from mooring.scanning import Scan, scan
from tests.unit.scanned import (
    LISTS,
    MODERN,
    NO_METHOD,
    SILENCE,
    TOOL,
    Ended,
    Message,
    Server,
    discovered,
    error,
    failure,
    result,
    scanned,
)


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """How long a silent server is waited for is not what is tested."""
    monkeypatch.setattr(listing, "DISCOVER_SECONDS", 0.2)


async def test_everything_that_is_declared_is_listed_page_by_page_and_nothing_is_called() -> None:
    server = Server()
    found = await scanned(server)

    assert (found.era, found.protocol_version) == ("legacy", "2025-11-25")
    assert found.server_info == {"name": "hand-made", "version": "1"}
    assert found.tools == [TOOL, {**TOOL, "name": "leave"}]
    assert found.prompts == [{"name": "ask"}]
    assert found.resources == [{"uri": "a://b", "name": "b"}, {"uriTemplate": "a://{x}", "name": "x"}]
    assert set(server.asked) == {*LISTS, "server/discover", "initialize", "notifications/initialized"}


async def test_what_is_not_declared_is_not_asked_for() -> None:
    server = Server(capabilities={"tools": {}})
    found = await scanned(server)

    assert (found.prompts, found.resources) == (None, None)
    assert found.offers.keys() == {"tools"}
    assert not {"prompts/list", "resources/list", "resources/templates/list"} & set(server.asked)


async def test_a_server_that_answers_the_question_for_the_era_is_modern() -> None:
    about = {"io.modelcontextprotocol/serverInfo": {"name": "new", "version": "2"}}
    lists = {
        method: [{**page, "resultType": "complete", "ttlMs": 0, "cacheScope": "public"} for page in pages]
        for method, pages in LISTS.items()
    }
    said = discovered(
        MODERN, resultType="complete", ttlMs=0, cacheScope="public", instructions="Go", _meta=about
    )
    server = Server(discover=said, lists=lists)
    found = await scanned(server)

    assert (found.era, found.protocol_version, found.instructions) == ("modern", MODERN, "Go")
    assert (found.server_info["name"], len(found.tools or [])) == ("new", 2)
    assert "initialize" not in server.asked


async def test_a_modern_server_may_leave_out_what_the_version_asks_for() -> None:
    """The first servers of a version are written before its SDKs are."""
    found = await scanned(Server(discover=discovered(MODERN)))
    assert (found.era, len(found.tools or [])) == ("modern", 2)


ANSWERS_OF_OLD = {
    "an unknown method": error(-32601),
    "wrong parameters": error(-32602),
    "an internal error": error(-32603),
    "not initialized": error(-32002, "Server not initialized"),
    "a code of its own": error(-32000),
    "a code that Mooring uses too": error(-32011, "who is there"),
    "the modern error, with versions of old": error(-32022, supported=["2025-06-18"]),
    "an empty result": {"result": {}},
    "a result of something else": result(tools=[]),
    "versions of old": discovered("2025-06-18"),
}


@pytest.mark.parametrize("answer", ANSWERS_OF_OLD.values(), ids=ANSWERS_OF_OLD.keys())
async def test_after_any_other_answer_it_is_initialized_in_the_same_session(answer: Message) -> None:
    server = Server(discover=answer)
    found = await scanned(server)

    assert (found.era, len(found.tools or [])) == ("legacy", 2)
    assert len(server.sessions) == 1


async def test_a_server_that_does_not_answer_what_it_does_not_know_is_initialized_after_a_while() -> None:
    server = Server(discover=SILENCE)
    found = await scanned(server)

    assert found.era == "legacy"
    assert len(server.sessions) == 1


async def test_a_server_that_takes_its_time_for_the_era_and_knows_no_initialize_is_asked_again() -> None:
    def slow_once(method: str, asked: list[str]) -> Message | None:
        if method == "initialize":
            return NO_METHOD
        return SILENCE if method == "server/discover" and len(server.sessions) == 1 else None

    server = Server(discover=discovered(MODERN), other=slow_once)
    found = await scanned(server)

    assert found.era == "modern"
    assert len(server.sessions) == 2


async def test_a_server_that_dies_of_what_it_does_not_know_gets_a_second_session() -> None:
    def dies(method: str, asked: list[str]) -> Message | None:
        if method == "server/discover":
            raise Ended(
                StartFailed("the server exited with code 1 before its first message", {"exitCode": 1})
            )
        return None

    server = Server(other=dies)
    found = await scanned(server)

    assert found.era == "legacy"
    assert server.sessions[1][0] == "initialize"


async def test_a_server_that_dies_whatever_is_asked_is_started_twice_and_the_cause_is_told() -> None:
    data = {"exitCode": 3, "stderr": ["boom"]}

    def dies(method: str, asked: list[str]) -> Message | None:
        raise Ended(StartFailed("the server exited with code 3 before its first message", data))

    server = Server(other=dies)
    failed = await failure(server)

    assert failed.message == "the server exited with code 3 before its first message"
    assert failed.data and (failed.data["exitCode"], failed.data["stderr"]) == (3, ["boom"])
    assert "by hand" in failed.advice
    assert len(server.sessions) == 2


async def test_what_cannot_be_started_is_not_started_again() -> None:
    def fails(method: str, asked: list[str]) -> Message | None:
        raise Ended(StartFailed("the command 'nope' was not found"))

    server = Server(other=fails)
    failed = await failure(server)

    assert "'nope'" in failed.message
    assert len(server.sessions) == 1


async def test_a_server_that_dies_while_it_lists_is_not_taken_for_one_of_another_era() -> None:
    def dies(method: str, asked: list[str]) -> Message | None:
        if method == "tools/list":
            raise Ended(ChildExited("the server exited", {"exitCode": 1, "stderr": ["API_KEY is not set"]}))
        return None

    server = Server(other=dies)
    failed = await failure(server)

    assert (failed.needs, len(server.sessions)) == ("config", 1)
    assert "API_KEY is not set" in failed.message


async def test_a_list_that_wants_a_key_ends_in_the_advice_to_do_without() -> None:
    refused = error(-32603, "Unauthorized: an API key is required")
    server = Server(other=lambda method, _asked: refused if method == "tools/list" else None)
    failed = await failure(server)

    assert failed.needs == "config"
    assert "tools/list" in failed.message and "first tool call" in failed.advice


async def test_another_error_is_told_with_the_method_that_it_answers() -> None:
    server = Server(other=lambda method, _: error(-32603, "boom") if method == "prompts/list" else None)
    failed = await failure(server)

    assert (failed.message, failed.needs) == ("prompts/list was answered with an error: boom", None)


async def test_a_list_that_is_declared_and_not_there_is_empty() -> None:
    lists = {method: pages for method, pages in LISTS.items() if method != "resources/templates/list"}
    assert (await scanned(Server(lists=lists))).resources == [{"uri": "a://b", "name": "b"}]


async def test_a_server_that_never_answers_is_waited_for_no_longer_than_is_said() -> None:
    failed = await failure(Server(other=lambda _method, _asked: SILENCE), seconds=0.8)

    assert failed.message == "initialize was not answered within 0.8 s"
    assert "stdout" in failed.advice


async def test_a_refusal_that_is_not_the_servers_is_told_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refused(*_: Any) -> Scan:
        raise WorkerUnavailable("no room", {"retryAfterSeconds": 1})

    monkeypatch.setattr(scanning, "listed", refused)
    with pytest.raises(WorkerUnavailable):
        await scan("ws://127.0.0.1:1/demo/echo/ws", {})


async def test_a_host_that_is_not_there_is_an_error_of_the_network() -> None:
    with pytest.raises(OSError):
        await scan("ws://127.0.0.1:9/demo/echo/ws", {})

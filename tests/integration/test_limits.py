"""Limits through the whole platform: what a client over its limit is told, and when it may go on."""

import asyncio
import json
import secrets
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus
from websockets.http11 import Response

from mooring.limits import Use, decode, encode
from mooring.url import connect_url, resuming_url
from tests.integration.conftest import SERVERS
from tests.raw_client import raw_client
from tests.stack import MOORING, Stack, home_with_a_server, until_empty

pytestmark = pytest.mark.integration

LIMITS = {
    "PRINCIPAL_SESSIONS": 2,
    "PRINCIPAL_STARTS_PER_MINUTE": 4,
    "SERVER_SESSIONS": 3,
    "SERVER_FRAMES_PER_SECOND": 2,
}
TEST_SECONDS = 60.0

Somebody = Callable[[], str]


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    home = home_with_a_server(tmp_path_factory.mktemp("limited") / "home")
    stack = Stack(
        home, ["env", *(f"MOORING_{name}={value}" for name, value in LIMITS.items()), MOORING, "up"]
    )
    try:
        stack.start()
        yield stack
        stack.stop()
    except BaseException:
        stack.kill()
        raise


def a_server(limited: Stack) -> str:
    """Return the name of a server that nobody has used yet."""
    name = f"test/{secrets.token_hex(4)}"
    limited.put(name, sys.executable, SERVERS / "echo.py")
    return name


def url_of(limited: Stack, server: str, principal: str) -> str:
    status, made = limited.call("POST", "/keys", {"name": "test", "principal": principal})
    assert status == 201, made
    return connect_url(limited.ws_url, server, None, made["key"])


@pytest.fixture
def somebody(limited: Stack) -> Somebody:
    """Return what makes up the connect URL of a principal that nobody knows yet; all use one server."""
    server = a_server(limited)
    return lambda: url_of(limited, server, secrets.token_hex(4))


@pytest.fixture(autouse=True)
async def in_time() -> AsyncIterator[None]:
    async with asyncio.timeout(TEST_SECONDS):
        yield


async def refusal(url: str) -> tuple[Response, dict[str, Any]]:
    """Return the answer to a handshake that must be refused, and its JSON body."""
    with pytest.raises(InvalidStatus) as refused:
        async with raw_client(url):
            pass
    return refused.value.response, json.loads(refused.value.response.body or b"{}")


async def limit_reached(url: str) -> str:
    """Return the name of the limit that a handshake is refused for; empty if it is not."""
    try:
        async with raw_client(url):
            return ""
    except InvalidStatus as refused:
        assert refused.response.status_code == 429
        limit: str = json.loads(refused.response.body or b"{}")["limit"]
        return limit


async def test_the_third_session_of_two_is_refused_until_one_ends(somebody: Somebody) -> None:
    url, another = somebody(), somebody()
    async with raw_client(url):
        async with raw_client(url):
            response, body = await refusal(url)
            assert response.status_code == 429
            assert body.pop("message")
            assert body == {"error": "LimitReached", "limit": "principal_sessions", "allowed": 2}
            async with raw_client(another) as client:
                assert (await client.request("ping"))["result"] == {}

        await until_empty(lambda: limit_reached(url), 10)


async def test_a_server_has_its_own_limit_for_all_who_use_it(somebody: Somebody) -> None:
    first, second = somebody(), somebody()
    async with raw_client(first), raw_client(first), raw_client(second):
        response, body = await refusal(second)
    assert (response.status_code, body["limit"], body["allowed"]) == (429, "server_sessions", 3)


async def test_the_fifth_start_of_four_in_a_minute_is_refused_and_a_resumption_is_none(
    limited: Stack, somebody: Somebody
) -> None:
    url = somebody()
    session = secrets.token_urlsafe(16)
    for _ in range(3):
        async with raw_client(url):
            pass
        await limited.until_no_session_is_left()
    async with raw_client(resuming_url(url, session, 0)) as client:
        assert (await client.request("ping"))["result"] == {}
        client.socket.transport.abort()

    async with raw_client(resuming_url(url, session, 1)) as client:
        assert (await client.request("ping", id=2))["result"] == {}
        response, body = await refusal(url)

    assert (response.status_code, body["limit"], body["allowed"]) == (429, "principal_starts_per_minute", 4)
    assert 1 <= int(response.headers["Retry-After"]) <= 61
    assert body["retryAfterSeconds"] == int(response.headers["Retry-After"])


async def test_requests_too_many_are_answered_with_an_error_and_the_session_lives_on(
    somebody: Somebody,
) -> None:
    refused: dict[str, Any] | None = None
    async with raw_client(somebody()) as client:
        number = 0
        while refused is None:  # three in a second are one too many
            burst = {f"r{number + n}" for n in range(10)}
            number += 10
            for id_ in burst:
                await client.send(json.dumps({"jsonrpc": "2.0", "id": id_, "method": "ping"}))
            answers = [await client.message() for _ in burst]
            assert {answer["id"] for answer in answers} == burst
            refused = next((answer["error"] for answer in answers if "error" in answer), None)

        assert refused["code"] == -32015
        assert refused["data"] == {
            "limit": "server_frames_per_second",
            "allowed": 2,
            "retryAfterSeconds": 1,
        }
        while "error" in await client.request("ping", id="again"):
            continue


@contextmanager
def second_worker(limited: Stack, home: Path) -> Iterator[None]:
    """Run a worker beside the one of `limited`, so large that it is always the emptier one."""
    environment = {
        **limited.worker().environ(),
        "MOORING_WORKER_ID": "second",
        "MOORING_HOME": str(home),
        "MOORING_CAPACITY": "100000",
    }
    with (home / "worker.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "mooring_worker"], env=environment, stdin=subprocess.PIPE, stderr=log
        )
    assert process.stdin
    try:
        yield
    finally:
        process.stdin.close()  # ends it: MOORING_STOP_ON_STDIN_EOF
        process.wait(20)


async def until_seen(limited: Stack, principal: str, sessions: list[int]) -> None:
    """Wait until workers' rows tell of so many sessions of a principal on each, and $connect has read them.

    It has when it knows a row that is newer than these, of principals that have all they may.
    """

    async def what_differs() -> str:
        rows = [decode(row["principals"]["S"]) for row in await asyncio.to_thread(limited.rows, "workers")]
        found = [row[principal].sessions for row in rows if principal in row and row[principal].sessions]
        return "" if found == sessions else f"reported: {found}"

    await until_empty(what_differs, 20)
    name = f"probe-{secrets.token_hex(4)}"
    names = (f"{name}-{n}" for n in range(1000))
    server = a_server(limited)
    uses = {f"{name}-{n}": Use(2, 0) for n in range(1000)}
    limited.put_row("workers", reporting(name, uses))

    async def is_unknown() -> bool:
        url = url_of(limited, server, next(names))  # another one each time: none has a session of its own
        return await limit_reached(url) != "principal_sessions"

    await until_empty(is_unknown, 20)


def reporting(worker_id: str, uses: dict[str, Use]) -> dict[str, Any]:
    """Return the row of a worker that takes no sessions."""
    return {
        "worker_id": {"S": worker_id},
        "address": {"S": "http://127.0.0.1:9"},
        "used": {"N": "0"},
        "capacity": {"N": "1"},
        "draining": {"BOOL": True},
        "lease": {"N": str(time.time() + 600)},
        "principals": {"S": encode(uses)},
    }


async def test_two_workers_share_what_a_principal_may_have(limited: Stack, tmp_path: Path) -> None:
    url = url_of(limited, a_server(limited), "shared")
    async with AsyncExitStack() as first:
        await first.enter_async_context(raw_client(url))
        with second_worker(limited, tmp_path):
            await until_empty(lambda: asyncio.to_thread(lambda: not is_announced(limited)), 20)
            await until_seen(limited, "shared", [1])
            async with raw_client(url):
                await until_seen(limited, "shared", [1, 1])
                response, body = await refusal(url)
                assert (response.status_code, body["limit"]) == (429, "principal_sessions")

                await first.aclose()
                await until_seen(limited, "shared", [1])
                async with raw_client(url) as client:
                    assert (await client.request("ping"))["result"] == {}


def is_announced(limited: Stack) -> bool:
    return "second" in {row["worker_id"]["S"] for row in limited.rows("workers")}

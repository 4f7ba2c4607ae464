"""What a client and the handlers of the three routes see of each other."""

import asyncio
import json
import threading
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus
from websockets.http11 import Response

from mooring_local.gateway.limits import URL_CHARACTERS
from tests.unit.gateway.running import WAIT_SECONDS, Inbox, Running, ending, serving


async def refusal(running: Running, query: str = "", **options: Any) -> Response:
    with pytest.raises(InvalidStatus) as refused:
        await running.connect(query, **options)
    return refused.value.response


def raising(event: Any, context: Any) -> Any:
    raise RuntimeError("secret detail")


async def test_connect_gets_the_handshake_as_it_was_sent() -> None:
    connects = Inbox()
    async with serving(on_connect=connects, stage="local", api_id="abc", domain_name="h") as running:
        headers = {"X-MiXed": "1", "Authorization": "Bearer k"}
        async with running.connect("?a=%20b", additional_headers=headers, user_agent_header="agent/1"):
            event = await connects.next()
            assert event["headers"]["X-MiXed"] == "1"
            assert event["headers"]["Authorization"] == "Bearer k"
            assert event["queryStringParameters"] == {"a": " b"}
            context = event["requestContext"]
            assert context["routeKey"] == "$connect"
            assert context["identity"] == {"sourceIp": "127.0.0.1", "userAgent": "agent/1"}
            assert (context["stage"], context["apiId"], context["domainName"]) == ("local", "abc", "h")
            assert context["connectionId"] == running.connection_id


async def test_all_events_of_a_connection_share_its_id_and_its_start() -> None:
    events = Inbox()
    async with serving(events, events, events) as running:
        async with running.connect() as client:
            connect = await events.next()
            running.clock.advance(5)
            await client.send("{}")
            message = await events.next()
        disconnect = await events.next()
    contexts = [event["requestContext"] for event in (connect, message, disconnect)]
    assert [context["eventType"] for context in contexts] == ["CONNECT", "MESSAGE", "DISCONNECT"]
    assert len({context["connectionId"] for context in contexts}) == 1
    assert len({context["connectedAt"] for context in contexts}) == 1
    assert len({context["requestId"] for context in contexts}) == 3
    assert contexts[1]["requestTimeEpoch"] - contexts[0]["requestTimeEpoch"] >= 5000


@pytest.mark.parametrize(
    ("answered", "offered", "agreed"),
    [
        ({"Sec-WebSocket-Protocol": "mcp"}, ["other", "mcp"], "mcp"),
        ({"sec-websocket-protocol": "mcp"}, ["mcp"], "mcp"),
        ({"Sec-WebSocket-Protocol": "mcp"}, None, None),
        ({"Sec-WebSocket-Protocol": "mcp"}, ["other"], None),
        ({}, ["mcp"], None),
    ],
)
async def test_the_subprotocol_is_the_handlers_if_the_client_offered_it(
    answered: dict[str, str], offered: list[Any] | None, agreed: str | None
) -> None:
    def accept(event: Any, context: Any) -> Any:
        return {"statusCode": 200, "headers": answered}

    async with serving(accept) as running, running.connect(subprotocols=offered) as client:
        assert client.subprotocol == agreed


@pytest.mark.parametrize("status", [201, 401, 409, 499, 503])
async def test_any_other_status_than_200_refuses_the_handshake_as_it_is(status: int) -> None:
    ends = Inbox()

    def refuse(event: Any, context: Any) -> Any:
        return {"statusCode": status, "headers": {"Retry-After": "7"}, "body": '{"caf\u00e9": 1}'}

    async with serving(refuse, on_disconnect=ends) as running:
        response = await refusal(running)
        assert response.status_code == status
        assert response.headers["Retry-After"] == "7"
        assert json.loads(response.body) == {"caf\u00e9": 1}
        assert not running.gateway.connections
    assert ends.is_empty


@pytest.mark.parametrize("handler", [raising, lambda event, context: {"statusCode": "no"}])
async def test_a_connect_that_fails_refuses_with_500_and_no_detail(handler: Any) -> None:
    async with serving(handler) as running:
        response = await refusal(running)
        assert response.status_code == 500
        assert json.loads(response.body)["message"] == "Internal server error"


async def test_a_connect_over_29_seconds_refuses_with_504() -> None:
    go_on, started, ends = threading.Event(), Inbox(), Inbox()

    def hang(event: Any, context: Any) -> Any:
        started(event, context)
        go_on.wait(WAIT_SECONDS)
        return {"statusCode": 200}

    async with serving(hang, on_disconnect=ends) as running:
        connecting = asyncio.create_task(refusal(running))
        await started.next()
        running.clock.advance(29)
        response = await connecting
        assert response.status_code == 504
        assert json.loads(response.body)["message"] == "Endpoint request timed out"
        go_on.set()
    assert ends.is_empty


async def test_a_url_of_4096_characters_passes_and_one_more_gets_414() -> None:
    connects = Inbox()
    query = "?q=" + "x" * (URL_CHARACTERS - len("/local?q="))
    async with serving(connects) as running:
        async with running.connect(query):
            await connects.next()
        assert (await refusal(running, query + "x")).status_code == 414
        assert connects.is_empty


async def test_only_the_path_of_the_stage_is_an_api() -> None:
    """AWS: any path after the stage gets 403."""
    connects = Inbox()
    async with serving(connects) as running:
        response = await refusal(running, path="/local/more")
        assert response.status_code == 403
        assert json.loads(response.body)["message"] == "Forbidden"
        assert connects.is_empty


async def test_messages_are_handled_at_the_same_time_and_may_overtake() -> None:
    slow_may_go, order = threading.Event(), Inbox()

    def handle(event: Any, context: Any) -> Any:
        if event["body"] == "slow":
            assert slow_may_go.wait(WAIT_SECONDS)
        order(event, context)
        return {"statusCode": 200}

    async with serving(on_default=handle) as running, running.connect() as client:
        await client.send("slow")
        await client.send("fast")
        assert (await order.next())["body"] == "fast"
        slow_may_go.set()
        assert (await order.next())["body"] == "slow"


async def test_each_message_has_ids_of_its_own() -> None:
    messages = Inbox()
    async with serving(on_default=messages) as running, running.connect() as client:
        for _ in range(10):
            await client.send("same")
        contexts = [(await messages.next())["requestContext"] for _ in range(10)]
    assert len({context["messageId"] for context in contexts}) == 10
    assert len({context["requestId"] for context in contexts}) == 10


async def test_the_handlers_body_is_not_sent_to_the_client() -> None:
    """AWS sends it only on a route with a RouteResponse, which ours do not have."""
    handled = Inbox()

    def chat(event: Any, context: Any) -> Any:
        handled(event, context)
        return {"statusCode": 500, "body": "chatter"}

    async with serving(on_default=chat) as running, running.connect() as client:
        await client.send("{}")
        await handled.next()
        await running.call("POST", running.connection_id, b"first")
        assert await client.recv() == "first"


@pytest.mark.parametrize("handler", [raising, lambda event, context: None])
async def test_a_message_handler_that_fails_makes_api_gateways_error_frame(handler: Any) -> None:
    async with serving(on_default=handler) as running, running.connect() as client:
        await client.send("{}")
        error = json.loads(await client.recv())
        assert error == {
            "message": "Internal server error",
            "connectionId": running.connection_id,
            "requestId": error["requestId"],
        }
        assert error["requestId"].endswith("=")


async def test_a_message_handler_over_29_seconds_makes_api_gateways_timeout_frame() -> None:
    go_on, started = threading.Event(), Inbox()

    def hang(event: Any, context: Any) -> Any:
        started(event, context)
        go_on.wait(WAIT_SECONDS)
        raise RuntimeError("too late to be told")

    async with serving(on_default=hang) as running, running.connect() as client:
        await client.send("{}")
        request_id = (await started.next())["requestContext"]["requestId"]
        running.clock.advance(29)
        error = json.loads(await client.recv())
        assert error == {
            "message": "Endpoint request timed out",
            "connectionId": running.connection_id,
            "requestId": request_id,
        }
        go_on.set()


async def test_a_failure_after_the_client_left_is_nobodys() -> None:
    go_on, ends = threading.Event(), Inbox()

    def late(event: Any, context: Any) -> Any:
        go_on.wait(WAIT_SECONDS)
        raise RuntimeError

    async with serving(on_default=late, on_disconnect=ends) as running:
        async with running.connect() as client:
            await client.send("{}")
        await ends.next()
        go_on.set()


async def test_disconnect_is_called_once_and_the_connection_is_forgotten() -> None:
    ends = Inbox()
    async with serving(on_disconnect=ends) as running, running.connect() as client:
        connection_id = running.connection_id
        await client.close(1000, "bye")
        assert (await ends.next())["requestContext"]["connectionId"] == connection_id
        assert not running.gateway.connections
    assert ends.is_empty


async def test_a_disconnect_that_fails_harms_nobody() -> None:
    called = Inbox()

    def fail(event: Any, context: Any) -> Any:
        called(event, context)
        raise RuntimeError

    async with serving(on_disconnect=fail) as running:
        async with running.connect():
            pass
        await called.next()
        async with running.connect() as client:
            assert (await client.ping()) is not None


async def test_a_client_that_leaves_during_connect_is_disconnected_afterwards() -> None:
    """$connect succeeded, so what it made has to be undone."""
    go_on, started, ends = threading.Event(), Inbox(), Inbox()

    def slow(event: Any, context: Any) -> Any:
        started(event, context)
        go_on.wait(WAIT_SECONDS)
        return {"statusCode": 200}

    async with serving(slow, on_disconnect=ends) as running:
        connecting = asyncio.create_task(asyncio.wait_for(running.connect().__aenter__(), WAIT_SECONDS))
        await started.next()
        connecting.cancel()
        await asyncio.wait([connecting])
        assert ends.is_empty
        go_on.set()
        assert (await ends.next())["requestContext"]["disconnectStatusCode"] == 1006
        assert not running.gateway.connections


async def test_the_socket_ends_when_the_client_says_so() -> None:
    async with serving() as running, running.connect() as client:
        await client.close(1000, "bye")
        assert await ending(client) == (1000, "bye")

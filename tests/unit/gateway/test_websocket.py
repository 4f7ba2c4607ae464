"""The socket's rules: sizes, frame types, the ways it ends."""

import asyncio
import base64
import threading
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus
from websockets.frames import Opcode

from mooring_local.gateway import websocket
from mooring_local.gateway.limits import FRAME_BYTES, MESSAGE_BYTES
from tests.unit.gateway.running import WAIT_SECONDS, Inbox, Running, ending, serving, write_frame

HANDSHAKE = (
    "GET /local HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    f"Sec-WebSocket-Key: {base64.b64encode(bytes(16)).decode()}\r\nSec-WebSocket-Version: 13\r\n\r\n"
).encode()


async def exchange(running: Running, data: bytes) -> bytes:
    """Send bytes on a plain socket and return all that comes until the gateway closes it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
    writer.write(data)
    async with asyncio.timeout(WAIT_SECONDS):
        try:
            return await reader.read()
        except ConnectionResetError:
            return b""
        finally:
            writer.close()


async def test_a_frame_of_32_kb_passes_and_one_byte_more_ends_the_socket_with_1009() -> None:
    messages, ends = Inbox(), Inbox()
    async with serving(on_default=messages, on_disconnect=ends) as running, running.connect() as client:
        await client.send("x" * FRAME_BYTES)
        assert len((await messages.next())["body"]) == FRAME_BYTES
        await client.send("x" * (FRAME_BYTES + 1))
        assert (await ending(client))[0] == 1009
        assert (await ends.next())["requestContext"]["disconnectStatusCode"] == 1009
        assert messages.is_empty


async def test_a_message_of_128_kb_in_frames_of_32_kb_passes() -> None:
    messages = Inbox()
    async with serving(on_default=messages) as running, running.connect() as client:
        await client.send(["x" * FRAME_BYTES] * 4)
        assert (await messages.next())["body"] == "x" * MESSAGE_BYTES


async def test_a_message_over_128_kb_ends_the_socket_with_1009() -> None:
    messages = Inbox()
    async with serving(on_default=messages) as running, running.connect() as client:
        await client.send(["x" * FRAME_BYTES] * 4 + ["x"])
        assert (await ending(client))[0] == 1009
        assert messages.is_empty


async def test_fragments_may_split_a_character_and_enclose_a_ping() -> None:
    messages = Inbox()
    character = "\u00e9".encode()
    async with serving(on_default=messages) as running, running.connect() as client:
        write_frame(client, Opcode.TEXT, character[:1], fin=False)
        write_frame(client, Opcode.PING, b"")
        write_frame(client, Opcode.CONT, character[1:])
        await client.send("next")
        assert {(await messages.next())["body"], (await messages.next())["body"]} == {"\u00e9", "next"}


@pytest.mark.parametrize("fin", [True, False])
async def test_a_binary_frame_ends_the_socket_with_1003(fin: bool) -> None:
    messages, ends = Inbox(), Inbox()
    async with serving(on_default=messages, on_disconnect=ends) as running, running.connect() as client:
        write_frame(client, Opcode.BINARY, b"{}", fin=fin)
        write_frame(client, Opcode.TEXT if fin else Opcode.CONT, b"{}")
        assert (await ending(client))[0] == 1003
        assert (await ends.next())["requestContext"]["disconnectStatusCode"] == 1003
        assert messages.is_empty


async def test_text_that_is_not_utf_8_ends_the_socket_with_1007() -> None:
    """RFC 6455, 8.1."""
    async with serving() as running, running.connect() as client:
        write_frame(client, Opcode.TEXT, b"\xff")
        assert (await ending(client))[0] == 1007


async def test_a_broken_frame_ends_the_socket_with_1002() -> None:
    ends = Inbox()
    async with serving(on_disconnect=ends) as running, running.connect() as client:
        write_frame(client, Opcode.CONT, b"continues nothing")
        assert (await ending(client))[0] == 1002
        assert (await ends.next())["requestContext"]["disconnectStatusCode"] == 1002


async def test_the_gateway_answers_pings() -> None:
    async with serving() as running, running.connect() as client:
        pong = await client.ping(b"mooring")
        async with asyncio.timeout(WAIT_SECONDS):
            await pong


async def test_no_extension_is_negotiated() -> None:
    """API Gateway answers the offer of permessage-deflate with settings that lose messages."""
    async with serving() as running, running.connect(compression="deflate") as client:
        assert client.response
        assert "Sec-WebSocket-Extensions" not in client.response.headers


@pytest.mark.parametrize(
    ("code", "reason", "told"),
    [
        (1000, "done", (1000, "done")),
        (1001, "", (1001, "")),
        (None, "", (1005, "Client-side close frame status not set")),
        (4242, "mine", (4242, "mine")),
    ],
)
async def test_disconnect_is_told_how_the_client_closed(
    code: int | None, reason: str, told: tuple[int, str]
) -> None:
    ends = Inbox()
    async with serving(on_disconnect=ends) as running, running.connect() as client:
        client.protocol.send_close(code, reason)
        client.transport.write(b"".join(client.protocol.data_to_send()))
        context = (await ends.next())["requestContext"]
        assert (context["disconnectStatusCode"], context["disconnectReason"]) == told


@pytest.mark.parametrize("how", ["abort", "close"])
async def test_a_client_that_vanishes_has_ended_with_1006(how: str) -> None:
    ends = Inbox()
    async with serving(on_disconnect=ends) as running, running.connect() as client:
        getattr(client.transport, how)()
        context = (await ends.next())["requestContext"]
        assert (context["disconnectStatusCode"], context["disconnectReason"]) == (1006, "")


@pytest.mark.parametrize(
    ("old", "new", "status"),
    [
        (b"GET", b"POST", b"405"),
        (b"Version: 13", b"Version: 8", b"400"),
        (b"Upgrade: websocket", b"Upgrade: h2c", b"426"),
        (b"/local", b"/" + b"x" * 10_000, b"414"),
        (b"Host: h", b"Host: " + b"x" * 10_000, b"431"),
    ],
)
async def test_a_handshake_against_the_rfc_never_reaches_a_handler(
    old: bytes, new: bytes, status: bytes
) -> None:
    connects = Inbox()
    async with serving(on_connect=connects) as running:
        assert (await exchange(running, HANDSHAKE.replace(old, new))).startswith(b"HTTP/1.1 " + status)
        assert connects.is_empty


async def test_a_client_that_does_not_wait_for_the_answer_is_dropped() -> None:
    """RFC 6455, 4.1."""
    connects = Inbox()
    async with serving(on_connect=connects) as running:
        assert await exchange(running, HANDSHAKE + bytes.fromhex("818200000000") + b"{}") == b""
        assert connects.is_empty


async def test_a_frame_that_comes_during_connect_waits_for_its_end() -> None:
    go_on, started, messages = threading.Event(), Inbox(), Inbox()

    def slow(event: Any, context: Any) -> Any:
        started(event, context)
        go_on.wait(WAIT_SECONDS)
        return {"statusCode": 200}

    async with serving(slow, messages) as running:
        _, writer = await asyncio.open_connection("127.0.0.1", running.port)
        writer.write(HANDSHAKE)
        await started.next()
        writer.write(bytes.fromhex("818200000000") + b"{}")
        assert (await running.call("GET", "unknown=")).status == 410  # a turn of the server
        assert messages.is_empty
        go_on.set()
        assert (await messages.next())["body"] == "{}"
        writer.close()


async def test_a_client_that_does_not_close_after_us_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "_LINGER_SECONDS", 0.01)
    async with serving() as running:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
        writer.write(HANDSHAKE)
        await reader.readuntil(b"\r\n\r\n")
        await running.call("DELETE", running.connection_id)
        async with asyncio.timeout(WAIT_SECONDS):
            assert b"Connection Closed Normally" in await reader.read()
        writer.close()


async def test_nothing_of_a_frame_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    messages = Inbox()
    with caplog.at_level("DEBUG"):
        async with (
            serving(on_default=messages) as running,
            running.connect("?api_key=hush", logger=websocket._SILENT) as client,
        ):
            await client.send("hush")
            await messages.next()
    assert "hush" not in caplog.text


async def test_a_refusal_cannot_change_its_framing() -> None:
    def refuse(event: object, context: object) -> dict[str, object]:
        return {
            "statusCode": 403,
            "headers": {"content-length": "1", "Connection": "keep-alive"},
            "body": "no!",
        }

    async with serving(on_connect=refuse) as running:
        with pytest.raises(InvalidStatus) as refused:
            await running.connect()
        assert refused.value.response.body == b"no!"
        assert refused.value.response.headers.get_all("Connection") == ["close"]

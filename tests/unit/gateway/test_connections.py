"""The @connections API, called as the worker calls it and as boto3 does."""

import asyncio
import json
import threading
import time
from datetime import datetime
from typing import Any

import boto3
import pytest
from botocore.config import Config

from mooring.connections import canonical, connection_path
from mooring.sigv4 import Credentials, Signer
from mooring_local.gateway.limits import CLIENT_BUFFER_BYTES, POST_BYTES
from tests.unit.gateway.running import CREDENTIALS, REGION, WAIT_SECONDS, Inbox, Running, ending, serving


def boto3_client(running: Running) -> Any:
    return boto3.client(
        "apigatewaymanagementapi",
        endpoint_url=f"http://{running.client.host}/local",
        region_name=REGION,
        aws_access_key_id=CREDENTIALS.access_key,
        aws_secret_access_key=CREDENTIALS.secret_key,
        config=Config(retries={"total_max_attempts": 1}),
    )


async def test_a_post_reaches_the_client_unchanged() -> None:
    async with serving() as running, running.connect() as client:
        response = await running.call("POST", running.connection_id, '{"id": "caf\u00e9"}'.encode())
        assert (response.status, response.body) == (200, b"")
        assert await client.recv() == '{"id": "caf\u00e9"}'


async def test_posts_arrive_in_the_order_they_were_made() -> None:
    async with serving() as running, running.connect() as client:
        for n in range(50):
            await running.call("POST", running.connection_id, b"%d" % n)
        assert [await client.recv() for _ in range(50)] == [str(n) for n in range(50)]


async def test_bytes_that_are_not_utf_8_are_replaced() -> None:
    async with serving() as running, running.connect() as client:
        await running.call("POST", running.connection_id, b"a\xff\xc3")
        assert await client.recv() == "a\ufffd\ufffd"


async def test_boto3_can_do_everything() -> None:
    """Also proves the signature check against another signer, and the errors' names against the model."""
    async with serving() as running:
        api = await asyncio.to_thread(boto3_client, running)
        async with running.connect(user_agent_header="agent/1") as client:
            id_ = running.connection_id
            await asyncio.to_thread(api.post_to_connection, ConnectionId=id_, Data=b"{}")
            assert await client.recv() == "{}"
            seen = await asyncio.to_thread(api.get_connection, ConnectionId=id_)
            assert seen["Identity"] == {"SourceIp": "127.0.0.1", "UserAgent": "agent/1"}
            await asyncio.to_thread(api.delete_connection, ConnectionId=id_)
            assert await ending(client) == (1000, "Connection Closed Normally")
        with pytest.raises(api.exceptions.GoneException):
            await asyncio.to_thread(api.post_to_connection, ConnectionId=id_, Data=b"{}")
        api.close()


@pytest.mark.parametrize("method", ["POST", "GET", "DELETE"])
async def test_an_unknown_connection_is_gone(method: str) -> None:
    async with serving() as running:
        response = await running.call(method, "L0SM9cOFvHcCIhw=")
        assert response.status == 410
        assert response.headers["x-amzn-errortype"] == "GoneException"
        assert "message" in json.loads(response.body)


async def test_a_connection_is_gone_until_connect_has_returned() -> None:
    started, posted = Inbox(), threading.Event()

    def slow(event: Any, context: Any) -> Any:
        started(event, context)
        assert posted.wait(WAIT_SECONDS)
        return {"statusCode": 200}

    async with serving(slow) as running:
        connecting = asyncio.create_task(asyncio.wait_for(running.connect().__aenter__(), WAIT_SECONDS))
        connection_id = (await started.next())["requestContext"]["connectionId"]
        assert (await running.call("POST", connection_id, b"{}")).status == 410
        posted.set()
        client = await connecting
        assert (await running.call("POST", connection_id, b"{}")).status == 200
        await client.close()


async def test_a_connection_whose_client_left_is_gone() -> None:
    ends = Inbox()
    async with serving(on_disconnect=ends) as running:
        async with running.connect():
            connection_id = running.connection_id
        await ends.next()
        assert (await running.call("POST", connection_id, b"{}")).status == 410


async def test_128_kb_pass_and_one_byte_more_is_too_large() -> None:
    async with serving() as running, running.connect() as client:
        assert (await running.call("POST", running.connection_id, b"x" * POST_BYTES)).status == 200
        assert len(await client.recv()) == POST_BYTES
        response = await running.call("POST", running.connection_id, b"x" * (POST_BYTES + 1))
        assert response.status == 413
        assert response.headers["x-amzn-errortype"] == "PayloadTooLargeException"
        assert (await running.call("POST", running.connection_id, b"last")).status == 200
        assert await client.recv() == "last"


async def test_a_client_that_does_not_read_makes_429_and_nothing_is_lost() -> None:
    async with serving() as running, running.connect(max_size=None, max_queue=1) as client:
        sent = 0
        while (
            response := await running.call("POST", running.connection_id, b"x" * POST_BYTES)
        ).status == 200:
            sent += 1
        assert response.status == 429
        assert response.headers["x-amzn-errortype"] == "LimitExceededException"
        assert sent * POST_BYTES > CLIENT_BUFFER_BYTES
        for _ in range(sent):
            await client.recv()
        assert (await running.call("POST", running.connection_id, b"last")).status == 200
        assert await client.recv() == "last"


async def test_get_tells_who_is_there_since_when() -> None:
    async with serving() as running, running.connect(user_agent_header="agent/1"):
        running.clock.advance(60)
        await running.call("POST", running.connection_id, b"{}")
        answer = json.loads((await running.call("GET", running.connection_id)).body)
        assert answer["identity"] == {"sourceIp": "127.0.0.1", "userAgent": "agent/1"}
        connected_at = datetime.fromisoformat(answer["connectedAt"])
        last_active_at = datetime.fromisoformat(answer["lastActiveAt"])
        assert 60 <= (last_active_at - connected_at).total_seconds() < 65
        assert answer["connectedAt"].endswith("Z")


async def test_delete_closes_the_client_with_1000() -> None:
    ends = Inbox()
    async with serving(on_disconnect=ends) as running, running.connect() as client:
        connection_id = running.connection_id
        assert (await running.call("DELETE", connection_id)).status == 204
        assert (await running.call("POST", connection_id, b"{}")).status == 410
        assert await ending(client) == (1000, "Connection Closed Normally")
        assert (await ends.next())["requestContext"]["disconnectStatusCode"] == 1000
    assert ends.is_empty


async def test_a_connection_is_gone_for_the_very_next_request_after_delete() -> None:
    async with serving() as running, running.connect():
        path = connection_path("/local", running.connection_id)
        requests = b""
        for method in ("DELETE", "POST"):
            lines = [f"{method} {path} HTTP/1.1\r\n", "content-length: 0\r\n"]
            lines += [
                f"{name}: {value}\r\n" for name, value in signed_headers(running, path, b"", method).items()
            ]
            requests += "".join([*lines, "\r\n"]).encode()
        reader, writer = await asyncio.open_connection(*running.client.host.split(":"))
        writer.write(requests)
        assert b" 204 " in await reader.readuntil(b"\r\n\r\n")
        assert b" 410 " in await reader.readuntil(b"\r\n\r\n")
        writer.close()


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"credentials": Credentials("OTHER", "secret")}, "UnrecognizedClientException"),
        ({"credentials": Credentials("AKID", "guess")}, "InvalidSignatureException"),
        ({"region": "eu-west-1"}, "InvalidSignatureException"),
        ({"at": -400}, "InvalidSignatureException"),
        ({"at": +400}, "InvalidSignatureException"),
    ],
)
async def test_a_wrong_signature_is_forbidden(change: dict[str, Any], kind: str) -> None:
    if "at" in change:  # seconds from now, whenever that is
        change = {"at": time.time() + change["at"]}
    async with serving() as running, running.connect():
        response = await running.call("POST", running.connection_id, b"{}", **change)
        assert response.status == 403
        assert response.headers["x-amzn-errortype"] == kind


@pytest.mark.parametrize(
    ("header", "value", "kind"),
    [
        ("authorization", None, "MissingAuthenticationTokenException"),
        ("authorization", "Bearer secret", "IncompleteSignatureException"),
        ("x-amz-date", "yesterday", "IncompleteSignatureException"),
        ("host", "elsewhere", "InvalidSignatureException"),
    ],
)
async def test_a_request_that_was_changed_after_signing_is_forbidden(
    header: str, value: str | None, kind: str
) -> None:
    async with serving() as running:
        path = "/local/@connections/L0SM9cOFvHcCIhw%3D"
        headers = signed_headers(running, path, b"{}")
        if value is None:
            del headers[header]
        else:
            headers[header] = value
        response = await running.client.request("POST", path, headers=headers, body=b"{}")
        assert response.status == 403
        assert response.headers["x-amzn-errortype"] == kind


async def test_the_signature_covers_body_and_path() -> None:
    async with serving() as running:
        headers = signed_headers(running, "/local/@connections/one%3D", b"{}")
        request = running.client.request
        other_body = await request("POST", "/local/@connections/one%3D", headers=headers, body=b"[]")
        other_path = await request("POST", "/local/@connections/two%3D", headers=headers, body=b"{}")
        as_signed = await request("POST", "/local/@connections/one%3D", headers=headers, body=b"{}")
    assert [answer.status for answer in (other_body, other_path, as_signed)] == [403, 403, 410]


@pytest.mark.parametrize(
    ("method", "path"),
    [("PUT", "/local/@connections/one%3D"), ("POST", "/other/@connections/one%3D"), ("GET", "/")],
)
async def test_anything_else_is_forbidden(method: str, path: str) -> None:
    async with serving() as running:
        headers = signed_headers(running, path, b"", method)
        response = await running.client.request(method, path, headers=headers)
        assert response.status == 403
        assert response.headers["x-amzn-errortype"] == "ForbiddenException"


def signed_headers(running: Running, path: str, body: bytes, method: str = "POST") -> dict[str, str]:
    signer = Signer(CREDENTIALS, REGION, "execute-api")
    return signer.headers(method, running.client.host, canonical(path), body)

"""The functions of a Mooring with sessions in MicroVMs: real handlers and tables, AWS's edges doubled."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import boto3
import pytest

from mooring.keys import OF_ROLE, Principal
from mooring.servers import Release, Server
from mooring_local import tables
from tests.emulator import Emulator
from tests.microvms import Cloud
from tests.unit.functions.loading import event, load
from tests.unit.loopback import serving

IMAGE = "arn:aws:lambda:us-east-1:000000000000:microvm-image:mooring"
CALLBACK_SECRET = "secret-of-the-callbacks-for-tests"
_SECONDS = 20.0
_POLL_SECONDS = 0.02


@dataclass
class Client:
    """@connections, and what clients have got by it."""

    got: list[tuple[str, Any]] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)

    def respond(self, method: str, target: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        connection = unquote(target.rpartition("/")[2])
        if len(body) > 131_072:
            return 413, b""
        if method == "POST":
            self.got.append((connection, json.loads(body)))
        elif method == "DELETE":
            self.closed.append(connection)
        return 200, b"{}"


class World:
    def __init__(self, dynamodb: Any, cloud: Cloud, client: Client, launch: dict[str, Any]) -> None:
        self.dynamodb = dynamodb
        self.cloud = cloud
        self.client = client
        self.apps: dict[str, Any] = {}
        self.server = Server(
            qualified_name="acme/echo",
            display_name="Echo",
            created_at="",
            updated_at="",
            version=1,
            isolated=True,
            release=Release(id="r1", launch=launch),
        )

    # What ws_connect asks of its tables.
    def get(self, name: str) -> Server:
        return self.server

    def verify(self, key: str) -> Principal:
        return Principal("p1", OF_ROLE["client"], "k1")

    def connect(self, connection: str, **query: str) -> dict[str, Any]:
        handshake = event("ws_connect/with_key")
        handshake["requestContext"]["connectionId"] = connection
        handshake["queryStringParameters"] = {"_server": "acme/echo", "api_key": "mk_example", **query}
        answer: dict[str, Any] = self.apps["ws_connect"].handler(handshake, None)
        return answer

    def send(self, connection: str, id_: int, tool: str, **arguments: Any) -> None:
        frame = event("ws_default/request")
        frame["requestContext"] |= {"connectionId": connection, "messageId": f"{connection}-{id_}"}
        params = {"name": tool, "arguments": arguments}
        message = {"jsonrpc": "2.0", "id": id_, "method": "tools/call", "params": params}
        frame["body"] = json.dumps(message)
        self.apps["ws_default"].handler(frame, None)

    def disconnect(self, connection: str) -> None:
        left = event("ws_disconnect/idle_cut")
        left["requestContext"]["connectionId"] = connection
        self.apps["ws_disconnect"].handler(left, None)

    def call(self, connection: str, id_: int, tool: str, **arguments: Any) -> Any:
        self.send(connection, id_, tool, **arguments)
        return self.answer(connection, id_)

    def answers(self, connection: str, id_: int) -> list[Any]:
        return [frame for to, frame in self.client.got if to == connection and frame.get("id") == id_]

    def answer(self, connection: str, id_: int) -> Any:
        until(lambda: bool(self.answers(connection, id_)), f"the answer to {id_}")
        (frame,) = self.answers(connection, id_)
        return frame["result"]["content"][0]["text"] if "result" in frame else frame["error"]

    def callback(self, method: str, target: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        call = event("worker_callback/post")
        call |= {"headers": headers, "body": body.decode(), "isBase64Encoded": False}
        call["pathParameters"] = {"session": unquote(target.rpartition("/")[2])}
        return self.apps["worker_callback"].handler(call, None)["statusCode"], b""

    def rows(self, table: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.dynamodb.scan(TableName=f"mooring-{table}")["Items"]
        return found


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + _SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come"
        time.sleep(_POLL_SECONDS)


@contextmanager
def world(
    emulator: Emulator,
    cloud: Cloud,
    launch: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    callback: str = "",
) -> Iterator[World]:
    """Give the functions, each loaded as by a cold start; `callback` replaces 127.0.0.1 in its address."""
    client = Client()
    with ExitStack() as stack:
        dynamodb = boto3.client(
            "dynamodb",
            endpoint_url=emulator.url,
            region_name="eu-west-1",  # as `load` has it
            aws_access_key_id="AKID",
            aws_secret_access_key="secret",
        )
        stack.callback(dynamodb.close)
        if not dynamodb.list_tables()["TableNames"]:
            tables.create(dynamodb)
        one = World(dynamodb, cloud, client, launch)
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", emulator.url)
        monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", cloud.url)
        monkeypatch.setenv("MOORING_ENGINE", "both")
        monkeypatch.setenv("MOORING_MICROVM_IMAGE", IMAGE)
        monkeypatch.setenv("MOORING_MICROVM_IDLE_SECONDS", "60")
        monkeypatch.setenv("MOORING_CALLBACK_SECRET", CALLBACK_SECRET)
        url = callback or stack.enter_context(serving(one.callback))
        monkeypatch.setenv("MOORING_CALLBACK_URL", f"{url}/_/callback")
        gateway = stack.enter_context(serving(client.respond))
        for name in ("ws_connect", "ws_default", "ws_disconnect", "worker_callback", "session_reaper"):
            one.apps[name] = load_with(gateway, name, monkeypatch)
        for name in ("catalog", "keys"):
            monkeypatch.setattr(one.apps["ws_connect"], name, one)
        try:
            yield one
        finally:
            for microvm in cloud.microvms.values():  # while somebody takes what they have to say
                cloud.terminate(microvm)
        for table, key in (("sessions", "id"), ("workers", "worker_id")):
            for row in one.rows(table):
                dynamodb.delete_item(TableName=f"mooring-{table}", Key={key: row[key]})


def load_with(gateway: str, name: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    app = load(name, monkeypatch)
    connections = app.__dict__.get("connections") or getattr(
        app.__dict__.get("reports"), "_connections", None
    )
    if connections:
        connections.__init__(gateway, app.aws)
    return app

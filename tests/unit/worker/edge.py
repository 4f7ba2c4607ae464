"""What a worker talks to, on one port: @connections and DynamoDB, as much of them as it uses."""

import asyncio
import json
from collections import Counter, defaultdict, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import unquote

from mooring import http1
from mooring.http1 import Request, Response

_WAIT_SECONDS = 15
_LOOK_SECONDS = 0.005


@dataclass(frozen=True)
class Delivered:
    """An answer to a frame that has reached the client all the same; without a status there is no answer."""

    status: int | None = None


class Edge:
    """`frames` has what each connection received; `answers` the statuses to give it first."""

    def __init__(self) -> None:
        self.url = ""
        self.frames: defaultdict[str, list[bytes]] = defaultdict(list)
        self._parsed: defaultdict[str, list[Any]] = defaultdict(list)
        self.closed: list[str] = []
        self.answers: defaultdict[str, deque[int | Delivered]] = defaultdict(deque)
        self.gone: set[str] = set()
        """Connections whose client has left."""
        self.opening: set[str] = set()
        """Connections whose handshake is not over: they cannot be closed yet."""
        self.held: set[str] = set()
        """Connections whose frames are not answered until they leave this set."""
        self.rows: dict[str, dict[str, Any]] = {}
        self.uses: Counter[str] = Counter()
        self.in_flight: dict[str, list[list[str]]] = {}
        """Connections that have a row, with what was written into it."""
        self.database_status = 200
        self.requests: list[Request] = []

    @classmethod
    @asynccontextmanager
    async def serving(cls) -> AsyncIterator[Self]:
        edge = cls()
        server = await http1.serve(edge._respond, "127.0.0.1", 0, max_body_bytes=1 << 24)
        edge.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield edge
        finally:
            server.close()

    def messages(self, connection: str = "c1") -> list[Any]:
        parsed = self._parsed[connection]
        parsed += map(json.loads, self.frames[connection][len(parsed) :])
        return parsed

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for a condition, on what arrived here or on processes."""
        try:
            async with asyncio.timeout(_WAIT_SECONDS):
                while not condition():
                    await asyncio.sleep(_LOOK_SECONDS)
        except TimeoutError:
            raise AssertionError(f"never came: {what}") from None

    async def answer_to(self, id_: object, connection: str = "c1") -> Any:
        """Return the response with this id, as soon as it is here."""

        def found() -> list[Any]:
            return [m for m in self.messages(connection) if m.get("id") == id_ and "method" not in m]

        await self.until(lambda: bool(found()), f"an answer to {id_!r}")
        return found()[0]

    async def notification(self, method: str, connection: str = "c1") -> Any:
        """Return the params of the first notification of this method."""

        def found() -> list[Any]:
            return [m["params"] for m in self.messages(connection) if m.get("method") == method]

        await self.until(lambda: bool(found()), method)
        return found()[0]

    async def _respond(self, request: Request) -> Response:
        self.requests.append(request)
        if request.target == "/":
            return self._database(request)
        connection = unquote(request.target.removeprefix("/@connections/"))
        if connection in self.gone:
            return Response(410)
        if request.method == "DELETE":
            if connection in self.opening:
                return Response(410)
            self.closed.append(connection)
            self.gone.add(connection)
            return Response(204)
        while connection in self.held:
            await asyncio.sleep(0.01)
        answer = self.answers[connection].popleft() if self.answers[connection] else Delivered(200)
        if isinstance(answer, int):
            return Response(answer)
        self.frames[connection].append(request.body)
        if answer.status is None:
            await asyncio.get_running_loop().create_future()  # until the caller hangs up
        return Response(answer.status or 500)

    def _database(self, request: Request) -> Response:
        if self.database_status != 200:
            return Response(self.database_status)
        parameters = json.loads(request.body)
        match request.headers["x-amz-target"].partition(".")[2]:
            case "PutItem":
                self.rows[parameters["Item"]["worker_id"]["S"]] = parameters["Item"]
            case "DeleteItem":
                return self._delete(parameters)
            case "UpdateItem" if "ConditionExpression" in parameters:
                return self._set_in_flight(parameters)
            case "UpdateItem":
                amount = int(parameters["ExpressionAttributeValues"][":amount"]["N"])
                self.uses[parameters["Key"]["server"]["S"]] += amount
        return Response(200, b"{}")

    def _delete(self, parameters: dict[str, Any]) -> Response:
        ((_, key),) = parameters["Key"].items()
        row = self.rows.get(key["S"], {})
        for name, attribute in parameters.get("ExpressionAttributeNames", {}).items():
            assert parameters["ConditionExpression"] == f"{name} = :owner"
            if row.get(attribute) != parameters["ExpressionAttributeValues"][":owner"]:
                return Response(400, b'{"__type": "com.amazonaws#ConditionalCheckFailedException"}')
        self.rows.pop(key["S"], None)
        return Response(200, b"{}")

    def _set_in_flight(self, parameters: dict[str, Any]) -> Response:
        connection = parameters["Key"]["id"]["S"]
        if connection not in self.in_flight:
            return Response(400, b'{"__type": "com.amazonaws#ConditionalCheckFailedException"}')
        ids = parameters["ExpressionAttributeValues"][":texts"]["L"]
        self.in_flight[connection].append([id_text["S"] for id_text in ids])
        return Response(200, b"{}")

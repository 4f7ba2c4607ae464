"""A Mooring that only knows sessions that can be resumed, on real sockets that break when a test says so."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from mooring.client.patience import Patience
from mooring.client.session import Session
from mooring.errors import MooringError, SessionNotFound
from tests.unit.session_model import SessionModel


@dataclass
class Refusal:
    error: MooringError
    headers: dict[str, str] = field(default_factory=dict)


class Resumable:
    """Answers a request at once, `hold` when the test says so; with `result`, or its own params."""

    def __init__(self) -> None:
        self.sessions: dict[str, SessionModel] = {}
        self.paths: list[str] = []
        """Of every handshake, refused ones included."""
        self.refusals: list[Refusal] = []
        """What the next handshakes are refused with."""
        self.codes: asyncio.Queue[int | None] = asyncio.Queue()
        """How each accepted socket was closed."""
        self.held: asyncio.Queue[str] = asyncio.Queue()
        self.on_frame: Callable[[ServerConnection, dict[str, Any]], bool] = lambda socket, message: True
        """Called for each frame; false means that the frame is lost."""
        self.result: Callable[[dict[str, Any]], Any] = lambda message: None
        self.on_open: Callable[[ServerConnection], Any] = lambda socket: None
        self.socket: ServerConnection | None = None
        self._outboxes: dict[int, asyncio.Queue[str]] = {}
        self._server: Server | None = None
        self._port = 0

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self._port}/demo/echo/ws?config=e30%3D"

    @property
    def session(self) -> SessionModel:
        (session,) = self.sessions.values()
        return session

    async def start(self) -> None:
        """Listen, after the first time on the same port."""
        self._server = await serve(
            self._live, "127.0.0.1", self._port, process_request=self._refuse, compression=None
        )
        self._port = next(iter(self._server.sockets)).getsockname()[1]

    async def stop(self) -> None:
        if self._server:
            self._server.close()
            await self._server.wait_closed()

    def cut(self) -> None:
        """Break the present socket without a word; what was written and not sent is lost."""
        assert self.socket
        self.socket.transport.abort()

    def _refuse(self, socket: ServerConnection, request: Request) -> Response | None:
        self.paths.append(request.path)
        received, session = self._state(request.path)
        if self.refusals:
            return _response(socket, self.refusals.pop(0))
        if session not in self.sessions and received:
            return _response(socket, Refusal(SessionNotFound("start anew with another session id")))
        return None

    def _state(self, path: str) -> tuple[int, str]:
        query = parse_qs(urlsplit(path).query)
        return int(query.get("received", ["0"])[0]), query["session"][0]

    async def _live(self, socket: ServerConnection) -> None:
        assert socket.request
        received, session_id = self._state(socket.request.path)
        session = self.sessions.setdefault(session_id, SessionModel(self._post))
        number = session.connection + 1
        self._outboxes[number] = asyncio.Queue()
        sending = asyncio.create_task(self._send(number, socket))
        self.socket = socket
        session.attach(received)
        self.on_open(socket)
        try:
            async for frame in socket:
                self._take(session, number, socket, str(frame))
        except ConnectionClosed:
            pass
        finally:
            sending.cancel()
            self.codes.put_nowait(socket.close_code)

    def _take(self, session: SessionModel, number: int, socket: ServerConnection, frame: str) -> None:
        message = json.loads(frame)
        if not self.on_frame(socket, message):
            return
        session.take(number, frame)
        key = json.dumps(message.get("id"))
        if key not in session.in_flight:
            return
        if message["method"] == "hold":
            self.held.put_nowait(key)
        else:
            session.answer(key, self.result(message))

    def _post(self, connection: int, frame: str) -> None:
        self._outboxes[connection].put_nowait(frame)

    async def _send(self, number: int, socket: ServerConnection) -> None:
        with suppress(ConnectionClosed):
            while True:
                await socket.send(await self._outboxes[number].get())


def _response(socket: ServerConnection, refusal: Refusal) -> Response:
    response = socket.respond(refusal.error.http_status, json.dumps(refusal.error.as_http()))
    response.headers.update(refusal.headers)
    return response


@asynccontextmanager
async def running() -> AsyncGenerator[Resumable, None]:
    platform = Resumable()
    await platform.start()
    try:
        yield platform
    finally:
        await platform.stop()


class MadeUpTime:
    """Time that passes only where somebody waits for it."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []
        self.on_pause: Callable[[], Any] = lambda: None

    @property
    def patience(self) -> Patience:
        return Patience(clock=lambda: self.now, sleep=self._sleep, random=lambda: 1.0)

    async def _sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds
        happened = self.on_pause()
        if asyncio.iscoroutine(happened):
            await happened
        await asyncio.sleep(0)


def request(id: int | str, method: str = "echo") -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": id, "method": method, "params": {"of": id}}).encode()


@asynccontextmanager
async def opened(
    platform: Resumable, patience: Patience | None = None, **state: Any
) -> AsyncGenerator[Session, None]:
    session = Session(platform.url, patience=patience or MadeUpTime().patience, **state)
    await session.open()
    try:
        yield session
    finally:
        await session.close()


async def answer(session: Session) -> Any:
    return json.loads(await session.receive())


async def to_the_end(session: Session) -> tuple[list[Any], MooringError]:
    """Return the frames that still come, and the error after them."""
    frames = []
    while True:
        try:
            frames.append(await answer(session))
        except MooringError as error:
            return frames, error

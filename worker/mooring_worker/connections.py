"""Writing to clients from the worker's loop: through API Gateway's @connections API, or in its stead."""

import asyncio
import logging
from abc import ABC, abstractmethod
from functools import lru_cache
from urllib.parse import urlsplit

from mooring.connections import canonical, connection_path
from mooring.errors import ConnectionGone, FrameTooLarge, WorkerUnavailable
from mooring.http1 import Client, NotSent
from mooring_worker.identity import Identity

_TIMEOUT_SECONDS = 10.0  # an answer from API Gateway takes milliseconds
_FORBIDDEN = 403
_CLOSE_PAUSES_SECONDS = (0.1, 0.5, 2.0)  # before each new attempt to close a socket

_logger = logging.getLogger(__name__)


class DeliveryUnknown(WorkerUnavailable):
    """The frame may have reached the client: the request was sent, and what became of it was not told."""


class Connections(ABC):
    """The clients of this worker, by their connections. Whoever is behind it answers as @connections does."""

    def __init__(self) -> None:
        self._closing: set[asyncio.Task[None]] = set()

    @abstractmethod
    async def _send(self, method: str, connection_id: str, body: bytes, is_repeatable: bool) -> int:
        """Make one call and return its status; raises NotSent, or OSError when its fate is unknown."""

    async def post(self, connection_id: str, frame: bytes, *, is_repeatable: bool = True) -> None:
        """Send one frame; twice, if it is repeatable and the way to API Gateway breaks under it.

        Raises:
            ConnectionGone: the client has left, or its handshake is not over yet.
            FrameTooLarge: API Gateway will never take this frame.
            WorkerUnavailable: API Gateway did not take it now; as DeliveryUnknown: or it did.
        """
        status = await self._call("POST", connection_id, frame, is_repeatable)
        if status >= 300:
            raise _problem(status, connection_id)

    async def close(self, connection_id: str) -> bool:
        """Close the client's socket; return False if it was closed already.

        Raises:
            WorkerUnavailable: API Gateway did not take it now.
        """
        status = await self._call("DELETE", connection_id, b"")
        if status >= 300 and status != ConnectionGone.http_status:
            raise _problem(status, connection_id)
        return status < 300

    def close_soon(self, connection_id: str) -> None:
        """Begin to close the client's socket, in a few attempts."""
        task = asyncio.get_running_loop().create_task(self._insist_on_close(connection_id))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def end(self) -> None:
        for task in self._closing:
            task.cancel()

    async def _insist_on_close(self, connection_id: str) -> None:
        for pause_seconds in _CLOSE_PAUSES_SECONDS:
            try:
                await self.close(connection_id)
                return
            except WorkerUnavailable:
                await asyncio.sleep(pause_seconds)
        _logger.warning("connection not closed", extra={"connection_id": connection_id})

    async def _call(self, method: str, connection_id: str, body: bytes, is_repeatable: bool = True) -> int:
        try:
            return await self._send(method, connection_id, body, is_repeatable)
        except NotSent as error:
            raise WorkerUnavailable("the WebSocket API cannot be reached") from error
        except OSError as error:
            raise DeliveryUnknown("the WebSocket API does not answer") from error


class ApiConnections(Connections):
    """`url` is the management endpoint of the WebSocket API, stage included."""

    def __init__(self, url: str, identity: Identity, *, parallel: int) -> None:
        super().__init__()
        self._client = Client(url, connections=parallel)
        self._stage_path = urlsplit(url).path.rstrip("/")
        self._identity = identity
        self._signer = identity.signer("execute-api")

    async def end(self) -> None:
        await super().end()
        await self._client.close()

    async def _send(self, method: str, connection_id: str, body: bytes, is_repeatable: bool) -> int:
        path, signed_path = _paths(self._stage_path, connection_id)
        headers = self._signer.headers(method, self._client.host, signed_path, body)
        response = await self._client.request(
            method,
            path,
            headers=headers,
            body=body,
            timeout_seconds=_TIMEOUT_SECONDS,
            is_repeatable=is_repeatable,
        )
        if response.status == _FORBIDDEN:
            self._identity.note_refusal()
        return response.status


@lru_cache(maxsize=1024)
def _paths(stage_path: str, connection_id: str) -> tuple[str, str]:
    path = connection_path(stage_path, connection_id)
    return path, canonical(path)


def _problem(status: int, connection_id: str) -> ConnectionGone | FrameTooLarge | WorkerUnavailable:
    if status == ConnectionGone.http_status:
        return ConnectionGone(connection_id)
    if status == FrameTooLarge.http_status:
        return FrameTooLarge("the WebSocket API refused the frame as too large")
    kind = DeliveryUnknown if status >= 500 else WorkerUnavailable
    return kind(f"the WebSocket API answered {status}")

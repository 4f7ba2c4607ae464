"""The way out of a worker without AWS credentials: calls of `functions/worker_callback`, signed.

The first line of a body says what is wanted, what follows is a frame as it is. Answers are @connections'.
"""

import json
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from mooring import callbacks
from mooring.errors import FrameTooLarge
from mooring.http1 import Client
from mooring_worker.connections import Connections
from mooring_worker.dynamodb import DynamoDBError, Item, RowMissing

_CONNECTIONS = 4
_TIMEOUT_SECONDS = 10.0
_LARGEST_BYTES = 4_000_000  # an event of a function has 6 MB; @connections refuses what is over 128 KB


class Callback:
    """`url` has the session's id at its end."""

    def __init__(self, url: str, session_id: str, microvm_id: str, key: bytes) -> None:
        self._url = url
        self._path = urlsplit(url).path
        self._session_id = session_id
        self._microvm_id = microvm_id
        self._key = key
        self._client = Client(url, connections=_CONNECTIONS)

    async def call(self, what: str, frame: bytes = b"", *, is_repeatable: bool = True, **fields: Any) -> int:
        """Have something done and return the status.

        Raises:
            NotSent: it has not been asked for.
            OSError: nobody knows whether it has been done.
        """
        order = {"do": what, "microvm": self._microvm_id, **fields}
        body = json.dumps(order).encode() + b"\n" + frame
        headers = {
            "content-type": "application/json",
            **callbacks.signed(self._key, self._session_id, body, time.time()),
        }
        response = await self._client.request(
            "POST",
            self._path,
            headers=headers,
            body=body,
            timeout_seconds=_TIMEOUT_SECONDS,
            is_repeatable=is_repeatable,
        )
        return response.status

    async def reconnect(self) -> None:
        """Keep no connection: those from before a suspension are dead, and nobody says so."""
        await self._client.close()

    async def end(self) -> None:
        await self._client.close()


class CallbackConnections(Connections):
    """Clients, reached through the callback."""

    def __init__(self, callback: Callback) -> None:
        super().__init__()
        self._callback = callback

    async def _send(self, method: str, connection_id: str, body: bytes, is_repeatable: bool) -> int:
        if len(body) > _LARGEST_BYTES:
            return FrameTooLarge.http_status
        what = "post" if method == "POST" else "close"
        return await self._callback.call(what, body, is_repeatable=is_repeatable, connection=connection_id)


class CallbackTable:
    """The rows of the session, changed through the callback. A MicroVM's own row is not its own to write."""

    def __init__(self, callback: Callback) -> None:
        self._callback = callback

    async def put(self, table: str, item: Item) -> None:
        pass

    async def delete(self, table: str, key: Item) -> None:
        pass

    async def delete_own(self, table: str, key: Item, attribute: str, owner: str) -> None:
        await self._call("forget", key=key["id"]["S"])

    async def add(self, table: str, key: Item, attribute: str, amount: int) -> None:
        await self._call("count", is_repeatable=False, uses=amount)

    async def set_texts(self, table: str, key: Item, attribute: str, texts: Sequence[str]) -> None:
        await self._call("note", connection=key["id"]["S"], ids=list(texts))

    async def end(self) -> None:
        pass  # the callback is closed by whoever made it

    async def _call(self, what: str, *, is_repeatable: bool = True, **fields: Any) -> None:
        try:
            status = await self._callback.call(what, is_repeatable=is_repeatable, **fields)
        except OSError as error:
            raise DynamoDBError(f"{what}: {error!r}") from error
        if status == 410:
            raise RowMissing(what)
        if status >= 300:
            raise DynamoDBError(f"{what}: status {status}")

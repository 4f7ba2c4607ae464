"""The MCP messages of the benchmark, as bytes: the client is to cost as little as it can."""

import itertools
import json
from collections.abc import Callable, Mapping

import msgspec

PROTOCOL_VERSION = "2025-06-18"

# Unique over all sessions: an answer that reaches the wrong session is then seen.
_numbers = itertools.count(1)

Frame = tuple[int, bytes]
"""A request and its id."""


class Answer(msgspec.Struct):
    """What the client needs to know of a message; the rest of it is not decoded."""

    id: int | str | None = None
    method: str | None = None
    error: msgspec.Raw = msgspec.Raw()
    """JSON text; empty when there is none."""


decode: Callable[[bytes], Answer] = msgspec.json.Decoder(Answer).decode

INITIALIZED = b'{"jsonrpc":"2.0","method":"notifications/initialized"}'


class Request:
    """A request to be sent many times, each time under another id."""

    __slots__ = ("_rest", "payload_bytes")

    def __init__(self, method: str, params: Mapping[str, object], payload_bytes: int = 0) -> None:
        text = json.dumps({"method": method, "params": params}, separators=(",", ":"))
        self._rest = f",{text[1:]}".encode()
        self.payload_bytes = payload_bytes
        """The answer has at least as many bytes."""

    def frame(self) -> Frame:
        number = next(_numbers)
        return number, b'{"jsonrpc":"2.0","id":%d%b' % (number, self._rest)


def echo(size_bytes: int) -> Request:
    """Return a call of the child's tool with an argument of `size_bytes`."""
    params = {"name": "echo", "arguments": {"message": "x" * size_bytes}}
    return Request("tools/call", params, size_bytes)


def fill(size_bytes: int) -> Request:
    """Return a small call whose answer has `size_bytes`."""
    return Request("tools/call", {"name": "fill", "arguments": {"bytes": size_bytes}}, size_bytes)


INITIALIZE = Request(
    "initialize",
    {
        "protocolVersion": PROTOCOL_VERSION,
        "capabilities": {},
        "clientInfo": {"name": "mooring-bench", "version": "1"},
    },
)

"""What client and server share: messages, and how they are read and written."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

Headers = Mapping[str, str]

_LONG_BYTES = 16_384  # from here on a copy costs more than a second buffer


@dataclass(slots=True)
class Request:
    """One request, read to its end. Header names are in lower case; `target` is as sent."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class Response:
    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


class Message:
    """What httptools' callbacks collect of the message at hand."""

    def on_message_begin(self) -> None:
        self.headers: dict[str, str] = {}
        self.parts: list[bytes] = []
        self.size_bytes = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, part: bytes) -> None:
        self.parts.append(part)
        self.size_bytes += len(part)

    def body(self) -> bytes:
        return self.parts[0] if len(self.parts) == 1 else b"".join(self.parts)


def write(transport: asyncio.WriteTransport, head: bytes, body: bytes) -> None:
    if len(body) < _LONG_BYTES:
        transport.write(head + body)
    else:
        transport.writelines((head, body))  # uvloop passes on what it gets, without a copy

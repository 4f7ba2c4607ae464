"""What the servers of this folder share: reading requests and writing answers, one JSON text a line."""

import json
import sys
from collections.abc import Iterator
from typing import Any

Message = dict[str, Any]


def messages() -> Iterator[Message]:
    """Give what the client sends, until stdin closes."""
    for line in sys.stdin:
        yield json.loads(line)


def send(message: Message) -> None:
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


def answer(request: Message, result: Message) -> None:
    send({"id": request["id"], "result": result})


def refuse(request: Message, code: int, text: str) -> None:
    send({"id": request["id"], "error": {"code": code, "message": text}})


def text(content: str) -> Message:
    """Return the result of a tool that says `content`."""
    return {"content": [{"type": "text", "text": content}]}


def initialized(request: Message, name: str) -> Message:
    """Return the result of `initialize`, in the version that the client asked for."""
    return {
        "protocolVersion": request.get("params", {}).get("protocolVersion", "2025-06-18"),
        "capabilities": {"tools": {}, "logging": {}},
        "serverInfo": {"name": name, "version": "1"},
    }

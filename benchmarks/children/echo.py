"""The echo server of `echo.c`, for a machine without a C compiler."""

import json
import sys
from typing import Any


def tool(name: str, description: str, argument: str, kind: str) -> dict[str, Any]:
    schema = {"type": "object", "properties": {argument: {"type": kind}}, "required": [argument]}
    return {"name": name, "description": description, "inputSchema": schema}


_TOOLS = [
    tool("echo", "Returns its message.", "message", "string"),
    tool("fill", "Returns so many bytes.", "bytes", "integer"),
]


def answer(method: str, params: dict[str, Any]) -> dict[str, Any]:
    match method:
        case "tools/call":
            arguments = params["arguments"]
            text = arguments["message"] if params["name"] == "echo" else "x" * arguments["bytes"]
            return {"content": [{"type": "text", "text": text}]}
        case "initialize":
            return {
                "protocolVersion": params["protocolVersion"],
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "echo", "version": "1"},
            }
        case "tools/list":
            return {"tools": _TOOLS}
        case "ping":
            return {}
    raise LookupError(method)


def main() -> None:
    for line in sys.stdin.buffer:
        message = json.loads(line)
        if "id" not in message or "method" not in message:
            continue
        reply: dict[str, Any] = {"jsonrpc": "2.0", "id": message["id"]}
        try:
            reply["result"] = answer(message["method"], message.get("params") or {})
        except LookupError:
            reply["error"] = {"code": -32601, "message": "no such method"}
        sys.stdout.buffer.write(json.dumps(reply, separators=(",", ":")).encode() + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()

"""The registry's MCP server on stdio: hands messages to `{MOORING_URL}/registry/mcp`, and its answers back.

It is hosted as any server is, with an API key that each session brings, and needs nothing installed.
"""

import base64
import json
import os
import re
import sys
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, Request, build_opener

_TIMEOUT_SECONDS = 30.0
_VERSION_KEY = "io.modelcontextprotocol/protocolVersion"
_NAMES = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
_HEADER_TEXT = re.compile(r"(?!=\?base64\?.*\?=$)(?! )[ -~]*(?<! )")
_INTERNAL_ERROR = -32603

Message = dict[str, Any]


class _NoRedirect(HTTPRedirectHandler):
    def redirect_request(self, *_request: Any) -> None:
        return None  # the key is for this registry only


class Bridge:
    def __init__(self, url: str, api_key: str) -> None:
        self._url = url.rstrip("/") + "/registry/mcp"
        self._headers = {
            "Authorization": f"Bearer {api_key}",
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
        }
        self._opener = build_opener(_NoRedirect)
        self._version = ""
        """What `initialize` agreed on; protocols without it say theirs in each message."""

    def answer(self, line: bytes) -> bytes:
        """Return the answer to a message, of one line; empty when there is none, as to a notification."""
        message = _object(line)
        answer = self._exchange(line, message)
        if message.get("method") == "initialize":
            result = _object(answer).get("result")
            self._version = str(result["protocolVersion"]) if isinstance(result, dict) else ""
        return b"" if message and "id" not in message else answer.replace(b"\n", b" ")

    def _exchange(self, line: bytes, message: Message) -> bytes:
        request = Request(self._url, line, {**self._headers, **self._routing(message)}, method="POST")
        try:
            with self._opener.open(request, timeout=_TIMEOUT_SECONDS) as response:
                answer: bytes = response.read()
                return answer
        except HTTPError as refusal:
            with refusal:
                answer = refusal.read()
            refused = _object(answer)
            reason = str(refused.get("message") or f"the registry answered with HTTP status {refusal.code}")
            return answer if "jsonrpc" in refused else _failed(message, reason)
        except (OSError, HTTPException) as error:
            return _failed(message, f"the registry cannot be reached at {self._url}: {error}")

    def _routing(self, message: Message) -> dict[str, str]:
        """Return the headers in which Streamable HTTP wants a message's own words again."""
        params = message.get("params")
        params = params if isinstance(params, dict) else {}
        meta = params.get("_meta")
        version = meta.get(_VERSION_KEY) if isinstance(meta, dict) else None
        if version is None:
            return {"MCP-Protocol-Version": self._version} if self._version else {}
        method = str(message.get("method"))
        headers = {"MCP-Protocol-Version": header(str(version)), "Mcp-Method": header(method)}
        name = params.get(_NAMES.get(method, ""))
        return {**headers, "Mcp-Name": header(name)} if isinstance(name, str) else headers


def _object(text: bytes) -> Message:
    """Return the object that `text` is, or else an empty one."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def header(text: str) -> str:
    """Return `text` as a header can hold it, in the encoding the protocol has for that."""
    if _HEADER_TEXT.fullmatch(text):
        return text
    return f"=?base64?{base64.b64encode(text.encode(errors='replace')).decode()}?="


def _failed(message: Message, reason: str) -> bytes:
    error = {"code": _INTERNAL_ERROR, "message": reason}
    return json.dumps({"jsonrpc": "2.0", "id": message.get("id"), "error": error}).encode()


def main() -> None:
    bridge = Bridge(os.environ["MOORING_URL"], os.environ["MOORING_API_KEY"])  # noqa: TID251  # on its own
    for line in sys.stdin.buffer:
        answer = bridge.answer(line.strip()) if line.strip() else b""
        if answer:
            sys.stdout.buffer.write(answer + b"\n")
            sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()

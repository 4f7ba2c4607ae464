"""MCP over Streamable HTTP: each message is a POST, its answer is the body, plain or as an event stream."""

from benchmarks.messages import PROTOCOL_VERSION
from benchmarks.session import CallFailed, Session
from mooring.http1 import Client

_TIMEOUT_SECONDS = 20.0


class StreamableHttpSession(Session):
    """`client` is shared by the sessions of a target, as browsers and SDKs share their connections."""

    def __init__(self, client: Client, target: str, headers: dict[str, str]) -> None:
        super().__init__()
        self._client = client
        self._target = target
        self._headers = {
            "content-type": "application/json",
            "accept": "application/json, text/event-stream",
            **headers,
        }

    async def connect(self) -> None:
        """Nothing to do: the first POST connects."""

    async def open(self) -> None:
        await super().open()
        self._headers["mcp-protocol-version"] = PROTOCOL_VERSION

    async def send(self, frame: bytes) -> None:
        response = await self._client.request(
            "POST", self._target, headers=self._headers, body=frame, timeout_seconds=_TIMEOUT_SECONDS
        )
        if response.status >= 400:
            raise CallFailed(f"HTTP {response.status}: {response.body.decode(errors='replace')[:120]}")
        if session_id := response.headers.get("mcp-session-id"):
            self._headers["mcp-session-id"] = session_id
        if response.headers.get("content-type", "").startswith("text/event-stream"):
            for line in response.body.splitlines():
                if line.startswith(b"data:") and (message := line[5:].strip()):
                    self.received(message)
        elif response.body.startswith(b"{"):
            self.received(response.body)

    async def close(self) -> None:
        if "mcp-session-id" in self._headers:
            await self._client.request(
                "DELETE", self._target, headers=self._headers, timeout_seconds=_TIMEOUT_SECONDS
            )

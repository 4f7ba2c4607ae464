"""Another registry on a loopback port, with the official one's read API: pages, versions, deletions."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Json = dict[str, Any]

_OFFICIAL = "io.modelcontextprotocol.registry/official"
_PATIENCE_SECONDS = 30.0


@dataclass
class OtherRegistry:
    """What it knows, by name, and the queries it was asked.

    It answers the query for the cursor `hold` only when `release` is set; `refusals` are the statuses of the
    next answers, 0 for one that is not refused.
    """

    url: str = ""
    page_size: int = 3
    known: dict[str, Json] = field(default_factory=dict)
    asked: list[dict[str, str]] = field(default_factory=list)
    refusals: list[int] = field(default_factory=list)
    hold: str = ""
    was_asked: threading.Event = field(default_factory=threading.Event)
    is_held: threading.Event = field(default_factory=threading.Event)
    release: threading.Event = field(default_factory=threading.Event)

    def publish(
        self, name: str, *, updated_at: str = "2026-01-01T00:00:00Z", status: str = "active", **members: Any
    ) -> None:
        server = {"name": name, "description": f"What {name} does.", "version": "1.0.0", **members}
        about = {"status": status, "updatedAt": updated_at, "isLatest": True}
        self.known[name] = {"server": server, "_meta": {_OFFICIAL: about}}

    def answer(self, query: dict[str, str]) -> tuple[int, Json]:
        self.asked.append(query)
        self.was_asked.set()
        if self.refusals and (status := self.refusals.pop(0)):
            return status, {"title": "not now"}
        if self.hold and query.get("cursor") == self.hold:
            self.is_held.set()
            assert self.release.wait(_PATIENCE_SECONDS)
        since, cursor = query.get("updated_since", ""), query.get("cursor", "")
        found = [
            entry
            for name, entry in sorted(self.known.items())
            if name > cursor
            and (entry["_meta"][_OFFICIAL]["updatedAt"] > since if since else _is_active(entry))
        ]
        page = found[: min(self.page_size, int(query["limit"]))]
        more = {"nextCursor": page[-1]["server"]["name"]} if len(found) > len(page) else {}
        return 200, {"servers": page, "metadata": {"count": len(page), **more}}


def _is_active(entry: Json) -> bool:
    return bool(entry["_meta"][_OFFICIAL]["status"] != "deleted")


@contextmanager
def running() -> Iterator[OtherRegistry]:
    """Run a registry that knows nothing yet."""
    registry = OtherRegistry()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            status, answer = registry.answer(query) if parts.path == "/v0.1/servers" else (404, {})
            content = json.dumps(answer).encode()
            try:
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)
            except ConnectionError:  # who asked has been killed
                self.close_connection = True

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        http.daemon_threads = True
        thread = threading.Thread(target=http.serve_forever, args=(0.01,))
        thread.start()
        registry.url = f"http://127.0.0.1:{http.server_address[1]}"
        try:
            yield registry
        finally:
            registry.release.set()
            http.shutdown()
            thread.join()

"""Stand-ins for a worker and for DynamoDB that answer a function at once, and the events it is given."""

import contextlib
import json
import os
import socket
import ssl
import threading
from collections.abc import Iterator
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from benchmarks.authority import Authority

ROOT = Path(__file__).resolve().parents[1]

_KEY = "mk_benchmark"
_CONNECTION = "aZ3kPcKVoAMCIhw="
_CONTEXT = {"connectionId": _CONNECTION, "messageId": "aZ3kQdIyoAMCIhw=", "stage": "bench"}
EVENTS: dict[str, dict[str, Any]] = {
    "ws_connect": {
        "headers": {"Host": "bench", "Sec-WebSocket-Protocol": "mcp"},
        "queryStringParameters": {"_server": "bench/echo", "api_key": _KEY},
        "requestContext": _CONTEXT,
    },
    "ws_default": {
        "requestContext": _CONTEXT,
        "body": json.dumps({"jsonrpc": "2.0", "id": 1, "method": "ping", "params": {"text": "x" * 40}}),
    },
    "ws_disconnect": {"requestContext": {**_CONTEXT, "disconnectStatusCode": 1000, "disconnectReason": ""}},
}


def _rows(address: str) -> dict[str, dict[str, Any]]:
    """Return the one row that each table has."""
    return {
        "mooring-keys": {
            "key_hash": {"S": sha256(_KEY.encode()).hexdigest()},
            "id": {"S": "k1"},
            "name": {"S": "bench"},
            "role": {"S": "client"},
            "principal": {"S": "p1"},
            "created_at": {"S": "2026-01-01T00:00:00Z"},
        },
        "mooring-catalog": {
            "server": {"S": "bench/echo"},
            "item": {"S": "server"},
            "qualified_name": {"S": "bench/echo"},
            "display_name": {"S": "echo"},
            "created_at": {"S": "2026-01-01T00:00:00Z"},
            "updated_at": {"S": "2026-01-01T00:00:00Z"},
            "version": {"N": "1"},
            "release": {"M": {"id": {"S": "r1"}, "launch": {"S": '{"command":"echo"}'}}},
        },
        "mooring-workers": {
            "worker_id": {"S": "w1"},
            "address": {"S": address},
            "used": {"N": "0"},
            "capacity": {"N": "100"},
            "lease": {"N": "9999999999"},
            "draining": {"BOOL": False},
        },
        "mooring-sessions": {
            **{"id": {"S": _CONNECTION}, "connection_id": {"S": _CONNECTION}, "session_id": {"S": "s1"}},
            **{"server": {"S": "bench/echo"}, "principal": {"S": "p1"}, "worker_id": {"S": "w1"}},
            "worker_address": {"S": address},
        },
    }


@contextlib.contextmanager
def environment(folder: Path) -> Iterator[dict[str, str]]:
    """Give the environment of a function that takes stand-ins of ours for AWS and for a worker."""
    authority = Authority(folder)
    with (
        _serving(_Worker) as worker_address,
        _serving(_dynamodb(_rows(worker_address)), authority.context) as url,
    ):
        yield {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT / "shared"),
            "SSL_CERT_FILE": str(authority.bundle),
            "AWS_CA_BUNDLE": str(authority.bundle),
            "AWS_ENDPOINT_URL": url,
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "bench",
            "AWS_SECRET_ACCESS_KEY": "bench",
            "MOORING_CONNECTIONS_URL": f"{url}/bench",
            "MOORING_WORKER_SECRET": "bench",
            "MOORING_KMS_KEY_ID": "bench",
            "MOORING_LOG_LEVEL": "WARNING",
        }


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("content-length") or 0))

    def answer(self, status: int, content: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *arguments: object) -> None:
        pass


class _Worker(_Handler):
    def do_PUT(self) -> None:
        self.body()
        self.answer(201)

    def do_POST(self) -> None:
        self.body()
        self.answer(202)

    def do_DELETE(self) -> None:
        self.body()
        self.answer(204)


def _dynamodb(rows: dict[str, dict[str, Any]]) -> type[_Handler]:
    class DynamoDB(_Handler):
        def do_POST(self) -> None:
            row = rows[json.loads(self.body())["TableName"]]
            operation = self.headers["x-amz-target"].partition(".")[2]
            content = {"GetItem": {"Item": row}, "Scan": {"Items": [row]}}.get(operation, {})
            self.answer(200, json.dumps(content).encode())

    return DynamoDB


@contextlib.contextmanager
def _serving(handler: type[_Handler], tls: ssl.SSLContext | None = None) -> Iterator[str]:
    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def get_request(self) -> tuple[socket.socket, Any]:
            connection, address = super().get_request()
            if tls:
                connection = tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
            return connection, address

    with Server(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"{'https' if tls else 'http'}://localhost:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()

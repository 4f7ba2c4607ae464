import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from websockets.sync.server import serve

from mooring.errors import MooringError, Unauthorized
from mooring_cli.__main__ import mooring as command
from tests.unit.cli.hand_made import KEY, HandMade


@pytest.fixture(autouse=True)
def nobody_is_logged_in(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))


@pytest.fixture
def platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HandMade]:
    known = HandMade()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
            try:
                if self.headers["Authorization"] != f"Bearer {KEY}":
                    raise Unauthorized("no such key")
                status, answer = known.answer(self.command, self.path, body)
            except MooringError as error:
                status, answer = error.http_status, error.as_http()
            content = b"" if status == 204 else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_PUT = do_PATCH = do_POST = do_DELETE = do_GET

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http, serve(known.speak, "127.0.0.1", 0) as ws:
        threads = [
            threading.Thread(target=http.serve_forever, args=(0.01,)),
            threading.Thread(target=ws.serve_forever),
        ]
        for thread in threads:
            thread.start()
        known.url = f"http://127.0.0.1:{http.server_address[1]}"
        known.ws_url = f"ws://127.0.0.1:{ws.socket.getsockname()[1]}"
        run = {"url": known.url, "ws_url": known.ws_url, "api_key": KEY, "pid": 1}
        (tmp_path / "run.json").write_text(json.dumps(run))
        monkeypatch.setenv("MOORING_HOME", str(tmp_path))
        monkeypatch.delenv("MOORING_URL", raising=False)
        monkeypatch.delenv("MOORING_API_KEY", raising=False)
        try:
            yield known
        finally:
            http.shutdown()
            ws.shutdown()
            for thread in threads:
                thread.join()


@pytest.fixture
def run() -> Callable[..., Result]:
    """Run the command with the arguments given."""
    return lambda *arguments: CliRunner().invoke(command, arguments)

"""`mooring add` where the workers are on other machines: built here, uploaded, published."""

import gzip
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from mooring import trees
from mooring_local import native
from tests.unit.cli.hand_made import HandMade

Run = Callable[..., Result]


class Store:
    def __init__(self) -> None:
        self.status = 200
        self.uploads: list[tuple[dict[str, str], bytes]] = []


@pytest.fixture
def store(platform: HandMade) -> Iterator[Store]:
    store = Store()

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            store.uploads.append((headers, self.rfile.read(int(headers["content-length"]))))
            self.send_response(store.status)
            self.end_headers()
            self.wfile.write(b"<Error>the store's reason</Error>")

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        platform.store = f"http://127.0.0.1:{server.server_port}/bundles/x.tar.gz?X-Amz-Signature=s3cret"
        yield store
        server.shutdown()
        thread.join()


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    source = tmp_path / "weather"
    source.mkdir()
    (source / "server.py").write_text("print()")
    (source / "smithery.yaml").write_text("startCommand:\n  command: python\n  args: [server.py]\n")
    yield source
    trees.remove(tmp_path / "worker")


def test_a_bundle_is_uploaded_before_its_server_is_published(
    run: Run, platform: HandMade, store: Store, folder: Path
) -> None:
    result = run("add", str(folder), "--name", "acme/weather")

    assert result.exit_code == 0, result.output
    ((headers, content),) = store.uploads
    (asked,) = platform.bundles
    assert asked["sizeBytes"] == len(content) == int(headers["content-length"])
    assert asked["digest"] == platform.servers["acme/weather"]["release"]["bundle"]
    assert asked["platform"] is None
    assert b"server.py" in gzip.decompress(content)
    assert "transfer-encoding" not in headers
    assert "s3cret" not in result.output


def test_what_is_in_the_store_is_not_uploaded_again(
    run: Run, platform: HandMade, store: Store, folder: Path
) -> None:
    platform.has_bundles = True

    assert run("add", str(folder), "--name", "acme/weather").exit_code == 0
    assert store.uploads == []
    assert "acme/weather" in platform.servers


def test_that_somebody_else_was_faster_is_no_failure(
    run: Run, platform: HandMade, store: Store, folder: Path
) -> None:
    store.status = 412

    assert run("add", str(folder), "--name", "acme/weather").exit_code == 0


def test_an_upload_that_the_store_refuses_is_told_and_publishes_nothing(
    run: Run, platform: HandMade, store: Store, folder: Path
) -> None:
    store.status = 403

    result = run("add", str(folder), "--name", "acme/weather")

    assert result.exit_code == 1
    assert "status 403" in result.stderr
    assert "the store's reason" in result.stderr
    assert platform.servers == {}


def test_native_code_that_the_workers_cannot_run_is_not_uploaded(
    run: Run, platform: HandMade, store: Store, folder: Path
) -> None:
    platform.worker_platform = "plan9-mips"
    (folder / "addon.node").write_bytes(Path("/bin/true").read_bytes())

    result = run("add", str(folder), "--name", "acme/weather")

    assert result.exit_code == 1
    assert f"native code for {native.here()}, and the workers are plan9-mips" in result.stderr
    assert (store.uploads, platform.bundles, platform.servers) == ([], [], {})


def test_code_without_a_platform_goes_to_any_workers(
    run: Run, platform: HandMade, store: Store, folder: Path
) -> None:
    platform.worker_platform = "plan9-mips"

    assert run("add", str(folder), "--name", "acme/weather").exit_code == 0


def test_a_link_out_of_a_folder_is_told_before_anything_is_asked(
    run: Run, platform: HandMade, store: Store, folder: Path
) -> None:
    (folder / "secrets").symlink_to("/etc/passwd")

    result = run("add", str(folder), "--name", "acme/weather")

    assert result.exit_code == 1
    assert platform.bundles == []

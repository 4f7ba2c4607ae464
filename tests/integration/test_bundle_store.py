"""The store of bundles on S3's real API: addresses, and what `mooring.bundles_api` does with them."""

import hashlib
import io
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from mooring import archives, trees
from mooring.bundle_store import BundleStore
from mooring.bundle_uploads import Bundles
from mooring.errors import WorkerUnavailable
from mooring.registry_api import create_app
from mooring.servers import Release
from mooring.settings import AwsSettings
from tests.integration import registry
from tests.integration.registry import LAUNCH, Registry

pytestmark = pytest.mark.integration

BUCKET = "mooring-bundles"
DIGEST = "0" * 64


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with registry.running(tmp_path_factory.mktemp("registry")) as one:
        with one.emulator.client("s3") as client:
            client.create_bucket(Bucket=BUCKET)
        yield one


@pytest.fixture
def s3(served: Registry) -> Iterator[Any]:
    with served.emulator.client("s3") as client:
        yield client
        for found in client.list_objects_v2(Bucket=BUCKET).get("Contents", ()):
            client.delete_object(Bucket=BUCKET, Key=found["Key"])


@pytest.fixture
def store(served: Registry) -> BundleStore:
    return BundleStore(f"s3://{BUCKET}/bundles", AwsSettings.read(served.emulator.variables))


@pytest.fixture
def http(served: Registry, store: BundleStore) -> Iterator[TestClient]:
    yield client(served, Bundles(store, "linux-aarch64", 10_000))
    served.forget_servers()


def client(served: Registry, bundles: Bundles, key: str = "") -> TestClient:
    """Return an HTTP client, the admin's or that of a `key`, of a registry that takes these bundles."""
    app = create_app(
        *(served.catalog, served.editor, served.keys, served.tickets, served.profiles),
        bundles=bundles,
        ws_url="wss://host",
        public_url="https://host/",
    )
    return TestClient(app, headers={"Authorization": f"Bearer {key or served.admin_key}"})


def archive(tmp_path: Path) -> tuple[str, bytes]:
    """Return the digest of a bundle, and its archive."""
    root = tmp_path / "bundle"
    root.mkdir()
    (root / "index.js").write_text("// a server")
    trees.clean(root)
    to = io.BytesIO()
    archives.pack(root, to)
    return trees.digest(root), to.getvalue()


def wanted(digest: str, content: bytes, **fields: Any) -> dict[str, Any]:
    sha256 = hashlib.sha256(content).hexdigest()
    return {"digest": digest, "sizeBytes": len(content), "sha256": sha256, **fields}


def put(upload: dict[str, Any], content: bytes) -> int:
    request = urllib.request.Request(upload["url"], content, upload["headers"], method=upload["method"])
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_a_bundle_is_uploaded_once_and_fetched_by_its_address(
    http: TestClient, store: BundleStore, s3: Any, tmp_path: Path
) -> None:
    digest, content = archive(tmp_path)
    body = wanted(digest, content)

    first = http.post("/bundles", json=body)
    assert (first.status_code, first.json()["status"]) == (201, "wanted")
    assert put(first.json()["upload"], content) == 200

    with urllib.request.urlopen(store.address(digest), timeout=10) as answer:
        assert answer.read() == content
    second = http.post("/bundles", json=body)
    assert (second.status_code, second.json()) == (200, {"status": "exists", "upload": None})


def test_what_is_there_is_not_overwritten(http: TestClient, s3: Any, tmp_path: Path) -> None:
    digest, content = archive(tmp_path)
    upload = http.post("/bundles", json=wanted(digest, content)).json()["upload"]
    assert put(upload, content) == 200

    assert put(upload, content) == 412


def test_an_upload_says_how_large_it_is_and_what_it_holds(http: TestClient, s3: Any, tmp_path: Path) -> None:
    digest, content = archive(tmp_path)

    headers = http.post("/bundles", json=wanted(digest, content)).json()["upload"]

    assert set(headers["headers"]) == {"content-length", "if-none-match", "x-amz-checksum-sha256"}
    signed = headers["url"].partition("X-Amz-SignedHeaders=")[2].partition("&")[0]
    assert signed == "content-length%3Bhost%3Bif-none-match%3Bx-amz-checksum-sha256"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"platform": "linux-x86_64"}, "linux-aarch64"),
        ({"sizeBytes": 10_001}, "10000"),
        ({"digest": "../evil"}, "digest"),
        ({"sha256": "x"}, "sha256"),
    ],
)
def test_a_bundle_that_is_none_for_here_is_refused(
    change: dict[str, Any], reason: str, http: TestClient
) -> None:
    answer = http.post("/bundles", json=wanted(DIGEST, b"x") | change)

    assert answer.status_code == 422
    assert reason in answer.text


def test_only_publishers_upload(served: Registry, store: BundleStore) -> None:
    _, key = served.new_principal()

    http = client(served, Bundles(store, "", 10_000), key)

    assert http.post("/bundles", json=wanted(DIGEST, b"x")).status_code == 403
    assert http.get("/bundles").status_code == 403


def test_a_publisher_is_told_what_the_workers_are(http: TestClient) -> None:
    told = http.get("/bundles").json()

    assert told == {"uploads": True, "workerPlatform": "linux-aarch64", "limitBytes": 10_000}


def test_a_registry_without_a_store_says_so(served: Registry) -> None:
    http = served.client()

    assert http.get("/bundles").json()["uploads"] is False
    answer = http.post("/bundles", json=wanted(DIGEST, b"x"))
    assert answer.status_code == 409
    assert "MOORING_BUNDLES" in answer.json()["message"]


def test_a_release_whose_bundle_was_not_uploaded_is_not_published(
    http: TestClient, s3: Any, tmp_path: Path
) -> None:
    digest, content = archive(tmp_path)
    server = {"release": {"bundle": digest, "launch": LAUNCH}}

    refused = http.put("/servers/acme/bundled", json=server)
    assert refused.status_code == 422
    assert "POST /bundles" in refused.json()["message"]
    batch = http.post("/servers/batch", json={"servers": [{"qualifiedName": "acme/b", **server}]})
    assert "POST /bundles" in batch.json()["results"][0]["reason"]

    put(http.post("/bundles", json=wanted(digest, content)).json()["upload"], content)
    assert http.put("/servers/acme/bundled", json=server).status_code == 201


def test_a_release_without_a_bundle_needs_no_store(http: TestClient) -> None:
    assert http.put("/servers/acme/plain", json={"release": {"launch": LAUNCH}}).status_code == 201


def test_a_store_that_does_not_answer_is_no_store_without_the_bundle(served: Registry) -> None:
    silent = {**served.emulator.variables, "AWS_ENDPOINT_URL": "http://127.0.0.1:1"}
    bundles = Bundles(BundleStore(f"s3://{BUCKET}/x", AwsSettings.read(silent)), "", 10)

    with pytest.raises(WorkerUnavailable):
        bundles.check(Release(launch=LAUNCH, bundle=DIGEST))

"""A release on the deployed stack: each function may do what it has to, and is called by what it should be.

CodeBuild of the emulator runs nothing. What a build would leave is left here, at the addresses it is given.
Known gap: the emulator allows to stop builds, and to ask how they are, only to who may do that with every
project, so that neither is done here.
"""

import base64
import io
import json
import tarfile
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from mooring import archives, trees
from mooring.build_bodies import BuildOrder
from mooring.keys import KeyTable
from tests.cloud.deployment import Deployment, http_event
from tests.cloud.test_permissions import Registry

pytestmark = pytest.mark.integration

_SECONDS = 60.0  # two functions' starts included
_POLL_SECONDS = 0.2  # there is nothing to wait on but the answer


@pytest.fixture
def registry(deployment: Deployment) -> Registry:
    keys = KeyTable(deployment.client("dynamodb"), deployment.resources["KeysTable"])
    return Registry(deployment, keys.create("operator", "admin")[1])


def form(files: dict[str, str]) -> tuple[str, str]:
    """Return the type and the body of the form that Smithery's clients send, of a bundle with these files."""
    bundle = io.BytesIO()
    with tarfile.open(fileobj=bundle, mode="w:gz") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))
    head = 'Content-Disposition: form-data; name="payload"\r\n\r\n' + json.dumps({"type": "stdio"})
    file = 'Content-Disposition: form-data; name="bundle"; filename="x.mcpb"\r\n\r\n'
    body = b"--b\r\n" + head.encode() + b"\r\n--b\r\n" + file.encode() + bundle.getvalue() + b"\r\n--b--\r\n"
    return "multipart/form-data; boundary=b", body.decode("latin-1")


def wait_for(registry: Registry, path: str, statuses: set[str]) -> dict[str, Any]:
    deadline = time.monotonic() + _SECONDS
    while (release := registry.call("GET", path))["status"] not in statuses:
        assert time.monotonic() < deadline, release
        time.sleep(_POLL_SECONDS)
    found: dict[str, Any] = release
    return found


def order(deployment: Deployment, server: str, release: str) -> BuildOrder:
    """Return what the build of a release is told, once it is."""
    s3, bucket = deployment.client("s3"), deployment.resources["BundlesBucket"]
    deadline = time.monotonic() + _SECONDS
    while True:
        found = s3.list_objects_v2(Bucket=bucket, Prefix=f"builds/{server}/{release}")
        for key in (one["Key"] for one in found.get("Contents", ()) if one["Key"].endswith("order.json")):
            return BuildOrder.model_validate_json(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
        assert time.monotonic() < deadline, "no build was ordered"
        time.sleep(_POLL_SECONDS)


def put(url: str, content: bytes) -> None:
    headers = {"if-none-match": "*", "content-type": ""}
    urllib.request.urlopen(urllib.request.Request(url, content, headers, method="PUT"), timeout=10).close()


def test_a_release_goes_from_its_request_to_its_scan(
    deployment: Deployment, registry: Registry, tmp_path: Path
) -> None:
    """The scan itself finds nobody: the emulator's WebSocket address is not that of the stack."""
    registry.call("PUT", "/servers/acme/built", {"displayName": "Built"})
    deployed = {"source": {"type": "git", "url": "https://git.test/clock"}, "config": {"key": "secret"}}
    asked = registry.call("PUT", "/servers/acme/built/releases", deployed)
    path = f"/servers/acme/built/releases/{asked['id']}"
    told = order(deployment, "acme/built", asked["id"])
    wait_for(registry, path, {"WORKING"})

    root = tmp_path / "bundle"
    root.mkdir()
    (root / "index.js").write_text("// a server")
    trees.clean(root)
    archive = io.BytesIO()
    archives.pack(root, archive)
    put(told.bundle, archive.getvalue())
    put(told.result, json.dumps({"package": {"name": "x", "launch": {"command": "node"}}}).encode())
    rows = deployment.client("dynamodb").get_item(
        TableName=deployment.resources["ReleasesTable"],
        Key={"server": {"S": "acme/built"}, "item": {"S": "build"}},
    )
    build = rows["Item"]["build"]["S"]
    detail = {"build-id": f"arn:aws:codebuild:us-east-1:000000000000:build/{build}"}
    deployment.invoke("ReleaseBuilderFunction", {"source": "aws.codebuild", "detail": detail})

    ended = wait_for(registry, path, {"FAILURE_SCAN", "FAILURE", "INTERNAL_ERROR", "SUCCESS"})
    assert ended["stage"] == "scan", ended
    stored = deployment.client("s3").list_objects_v2(
        Bucket=deployment.resources["BundlesBucket"], Prefix=f"bundles/{trees.digest(root)}"
    )
    assert len(stored["Contents"]) == 1


def test_a_small_bundle_comes_through_the_registry(deployment: Deployment, registry: Registry) -> None:
    registry.call("PUT", "/servers/acme/formed", {"displayName": "Formed"})
    kind, body = form({"server.json": "{}"})
    event = http_event("PUT", "/servers/acme/formed/releases", {"authorization": f"Bearer {registry.key}"})
    event["headers"] |= {"content-type": kind, "content-length": str(len(body.encode("latin-1")))}
    event |= {"body": base64.b64encode(body.encode("latin-1")).decode(), "isBase64Encoded": True}
    answer = deployment.invoke("RegistryApiFunction", event)
    assert answer["statusCode"] == 200, answer
    told = order(deployment, "acme/formed", json.loads(answer["body"])["id"])
    assert told.file
    with urllib.request.urlopen(told.file, timeout=10) as content:
        assert content.read().decode("latin-1") in body


def test_what_nobody_tells_of_may_be_looked_after(deployment: Deployment) -> None:
    deployment.invoke("ReleaseBuilderFunction", {"lookAfter": True})

"""The function that has the worker's image built: what it packs, what it asks AWS for, what it answers."""

import hashlib
import io
import json
import re
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import boto3
import pytest

from functions.image_builder import app
from mooring import worker_image

ROOT = Path(__file__).parents[3]
FOLDERS = {"shared/mooring": ROOT / "shared" / "mooring", "worker": ROOT / "worker"}
BUILDER_FOLDERS = {"shared/mooring": ROOT / "shared" / "mooring", "local": ROOT / "local"}


class ImageNotFound(Exception):
    pass


class Aws:
    """S3, ECR and CodeBuild as the function sees them."""

    class exceptions:
        ImageNotFoundException = ImageNotFound

    def __init__(self, *, statuses: list[str], images: set[str] | None = None) -> None:
        self.statuses = statuses
        self.images = images or set()
        self.objects: dict[str, bytes] = {}
        self.started: list[dict[str, Any]] = []

    def put_object(self, Bucket: str, Key: str, Body: bytes) -> None:
        self.objects[Key] = Body

    def describe_images(self, repositoryName: str, imageIds: list[dict[str, str]]) -> None:
        if imageIds[0]["imageTag"] not in self.images:
            raise ImageNotFound

    def start_build(self, **order: Any) -> dict[str, Any]:
        self.started.append(order)
        return {"build": {"id": "b1"}}

    def batch_get_builds(self, ids: list[str]) -> dict[str, Any]:
        return {"builds": [{"buildStatus": self.statuses.pop(0)}]}

    def get_paginator(self, operation: str) -> Any:
        return self

    def paginate(self, Bucket: str) -> list[dict[str, Any]]:
        return [{"Contents": [{"Key": key} for key in self.objects]}]

    def delete_objects(self, Bucket: str, Delete: dict[str, Any]) -> None:
        for one in Delete["Objects"]:
            del self.objects[one["Key"]]


class Context:
    def __init__(self, milliseconds: int = 600_000) -> None:
        self._milliseconds = milliseconds

    def get_remaining_time_in_millis(self) -> int:
        return self._milliseconds


@pytest.fixture
def answers() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The address that CloudFormation gives, and what was sent there."""
    received: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            received.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/answer", received
    server.shutdown()
    thread.join(10)
    server.server_close()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_image, "_POLL_SECONDS", 0.0)
    monkeypatch.setattr(app, "_FOLDERS", FOLDERS | BUILDER_FOLDERS)


def use(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boto3, "client", lambda service: aws)


def event(
    url: str,
    kind: str = "Create",
    repository: str = "r.example/worker",
    dockerfile: str = "worker/Dockerfile",
) -> dict[str, Any]:
    about = {"StackId": "stack", "RequestId": "request", "LogicalResourceId": "WorkerSource"}
    properties = {"Bucket": "sources", "Project": "project", "Repository": repository}
    properties["Dockerfile"] = dockerfile
    return {**about, "RequestType": kind, "ResponseURL": url, "ResourceProperties": properties}


@pytest.mark.parametrize(
    ("dockerfile", "folders"),
    [("worker/Dockerfile", FOLDERS), ("local/image/Dockerfile", BUILDER_FOLDERS)],
)
def test_the_archive_has_all_that_the_dockerfile_copies(dockerfile: str, folders: dict[str, Path]) -> None:
    names = zipfile.ZipFile(io.BytesIO(worker_image.pack(folders))).namelist()
    copied = [
        word
        for line in (ROOT / dockerfile).read_text().splitlines()
        if line.startswith("COPY ") and "--from" not in line
        for word in line.split()[1:-1]
    ]
    assert len(copied) >= 3
    assert [path for path in copied if not any(n == path or n.startswith(f"{path}/") for n in names)] == []
    assert dockerfile in names
    assert ("Dockerfile" in names) == (folders is FOLDERS)  # where Lambda looks for that of a MicroVM
    assert not [name for name in names if "__pycache__" in name]


def test_what_builds_has_the_python_and_the_node_of_what_runs() -> None:
    arguments = [
        re.findall(r"(?m)^ARG .*", (ROOT / path / "Dockerfile").read_text())
        for path in ("worker", "local/image")
    ]
    assert len(arguments[0]) == 2
    assert arguments[0] == arguments[1]


def test_the_same_source_is_the_same_archive() -> None:
    assert worker_image.pack(FOLDERS) == worker_image.pack(FOLDERS)


def test_an_image_is_built_under_the_digest_of_its_source(
    answers: tuple[str, list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, received = answers
    aws = Aws(statuses=["IN_PROGRESS", "SUCCEEDED"])
    use(aws, monkeypatch)

    app.handler(event(url), Context())

    (answer,) = received
    assert answer["Status"] == "SUCCESS", answer
    assert (answer["StackId"], answer["RequestId"]) == ("stack", "request")
    (key,) = aws.objects
    digest = key.removeprefix("source-").removesuffix(".zip")
    assert answer["Data"] == {"SourceUri": f"s3://sources/{key}", "ImageUri": f"r.example/worker:{digest}"}
    (order,) = aws.started
    assert order["sourceLocationOverride"] == f"sources/{key}"
    assert order["environmentVariablesOverride"] == [
        {"name": "IMAGE", "value": f"r.example/worker:{digest}"},
        {"name": "DOCKERFILE", "value": "worker/Dockerfile"},
    ]


def test_each_image_is_built_of_its_own_source(
    answers: tuple[str, list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, received = answers
    aws = Aws(statuses=["SUCCEEDED", "SUCCEEDED"])
    use(aws, monkeypatch)
    app.handler(event(url), Context())
    app.handler(event(url, dockerfile="local/image/Dockerfile"), Context())

    assert [answer["Status"] for answer in received] == ["SUCCESS", "SUCCESS"]
    tops = [
        {name.partition("/")[0] for name in zipfile.ZipFile(io.BytesIO(content)).namelist()}
        for content in aws.objects.values()
    ]
    assert tops == [{"shared", "worker", "Dockerfile"}, {"shared", "local"}]


def test_an_image_that_is_there_is_not_built_again(
    answers: tuple[str, list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, received = answers
    digest = hashlib.sha256(worker_image.pack(FOLDERS)).hexdigest()[:32]
    aws = Aws(statuses=[], images={digest})
    use(aws, monkeypatch)
    app.handler(event(url, "Update"), Context())
    assert received[0]["Status"] == "SUCCESS"
    assert aws.started == []


@pytest.mark.parametrize(("statuses", "milliseconds"), [(["FAILED"], 600_000), (["IN_PROGRESS"], 0)])
def test_a_build_that_fails_or_takes_too_long_fails_the_deployment(
    answers: tuple[str, list[dict[str, Any]]],
    monkeypatch: pytest.MonkeyPatch,
    statuses: list[str],
    milliseconds: int,
) -> None:
    url, received = answers
    use(Aws(statuses=statuses), monkeypatch)
    app.handler(event(url), Context(milliseconds))
    assert received[0]["Status"] == "FAILED"
    assert "b1" in received[0]["Reason"]


def test_deletion_empties_the_bucket(
    answers: tuple[str, list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, received = answers
    aws = Aws(statuses=[])
    aws.objects = {"source-1.zip": b"", "source-2.zip": b""}
    use(aws, monkeypatch)
    app.handler(event(url, "Delete"), Context())
    assert received[0]["Status"] == "SUCCESS"
    assert aws.objects == {}

"""Plays the build that runs elsewhere: what it is told, what it says, what it leaves."""

import asyncio
import io
import json
import secrets
import tarfile
import time
import urllib.error
import urllib.request
from typing import Any

from mooring import callbacks
from mooring.build_bodies import build_name
from tests.cloud_builds import BUCKET, World


def order(world: World, number: int = 0) -> dict[str, Any]:
    """Return what a build is told."""
    (variable,) = world.codebuild.started[number]["environmentVariablesOverride"]
    with urllib.request.urlopen(variable["value"], timeout=10) as answer:
        told: dict[str, Any] = json.loads(answer.read())
        return told


def result(world: World) -> bytes:
    (key,) = [key for key in keys(world) if key.endswith("result.json")]
    content: bytes = world.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    return content


def keys(world: World) -> list[str]:
    return [found["Key"] for found in world.s3.list_objects_v2(Bucket=BUCKET).get("Contents", ())]


def look_after(world: World) -> None:
    asyncio.run(world.builds.look_after())


def archive(name: str, size_bytes: int = 0) -> bytes:
    """Return an archive with one file, which cannot be compressed."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as to:
        entry = tarfile.TarInfo(name)
        entry.mode, entry.size = 0o444, size_bytes
        to.addfile(entry, io.BytesIO(secrets.token_bytes(size_bytes)))
    return content.getvalue()


def leave(world: World, number: int, said: Any) -> None:
    assert put(order(world, number)["result"], json.dumps(said).encode()) == 200


def put(url: str, content: bytes) -> int:
    """Put something as a build does; return the status."""
    request = urllib.request.Request(url, content, {"if-none-match": "*", "content-type": ""}, method="PUT")
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def report(told: dict[str, Any], said: dict[str, Any]) -> Any:
    body = json.dumps(said).encode()
    name = build_name(told["server"], told["release"])
    return post(told, body, callbacks.signed(bytes.fromhex(told["key"]), name, body, time.time()))


def post(told: dict[str, Any], body: bytes, headers: dict[str, str]) -> Any:
    url = f"{told['report']}?server={told['server'].replace('/', '%2F')}"
    request = urllib.request.Request(url, body, headers, method="POST")
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.loads(answer.read())

"""The function of builds: who calls it with what (`mooring.build_events`), and what it does then."""

import json
from types import ModuleType, SimpleNamespace
from typing import Any

import boto3
import pytest

from mooring.release_table import Queued
from tests.unit.functions.loading import load

CONTEXT = SimpleNamespace(
    invoked_function_arn="arn:aws:lambda:eu-west-1:1:function:mooring-ReleaseBuilderFunction-x"
)


class Builds:
    def __init__(self) -> None:
        self.calls: list[tuple[object, ...]] = []
        self.invoked: list[dict[str, Any]] = []

    async def begin(self, queued: Queued) -> None:
        self.calls.append(("begin", queued.server, queued.id))

    async def ended(self, build: str) -> None:
        self.calls.append(("ended", build))

    async def look_after(self) -> None:
        self.calls.append(("look after",))

    def cancelled(self, server: str, release: str) -> None:
        self.calls.append(("cancelled", server, release))

    def invoke(self, **call: Any) -> None:
        self.invoked.append(call)


@pytest.fixture
def builds() -> Builds:
    return Builds()


@pytest.fixture
def app(builds: Builds, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setattr(boto3, "client", lambda service: builds)
    for name in ("BUILD_FILES", "UPLOADS", "BUNDLES"):
        monkeypatch.setenv(f"MOORING_{name}", f"s3://bucket/{name.lower()}")
    loaded = load("release_builder", monkeypatch)
    monkeypatch.setattr(loaded, "builds", builds)
    return loaded


def change(kind: str, server: str, item: str, status: str = "") -> dict[str, Any]:
    image = {"status": {"S": status}} if status else {}
    keys = {"server": {"S": server}, "item": {"S": item}}
    return {"eventName": kind, "dynamodb": {"Keys": keys, "NewImage": {**keys, **image}}}


def test_what_is_asked_for_is_taken_up_by_a_call_of_its_own(app: ModuleType, builds: Builds) -> None:
    app.handler({"Records": [change("INSERT", "queue", "r1#acme/clock")]}, CONTEXT)
    (call,) = builds.invoked
    assert (call["FunctionName"], call["InvocationType"]) == (CONTEXT.invoked_function_arn, "Event")
    assert builds.calls == []
    app.handler(json.loads(call["Payload"]), CONTEXT)
    assert builds.calls == [("begin", "acme/clock", "r1")]


def test_what_is_cancelled_is_stopped(app: ModuleType, builds: Builds) -> None:
    app.handler({"Records": [change("MODIFY", "acme/clock", "release#r1", "CANCELLED")]}, CONTEXT)
    assert builds.calls == [("cancelled", "acme/clock", "r1")]


@pytest.mark.parametrize(
    "record",
    [
        change("MODIFY", "queue", "r1#acme/clock"),
        change("REMOVE", "queue", "r1#acme/clock"),
        change("INSERT", "acme/clock", "release#r1", "QUEUED"),
        change("MODIFY", "acme/clock", "release#r1", "SUCCESS"),
        change("INSERT", "acme/clock", "release#r1", "CANCELLED"),
        change("INSERT", "log#acme/clock#r1", "00000001"),
        change("INSERT", "build#b1", "release"),
    ],
)
def test_of_other_changes_nothing_comes(app: ModuleType, builds: Builds, record: dict[str, Any]) -> None:
    app.handler({"Records": [record]}, CONTEXT)
    assert not builds.calls
    assert not builds.invoked


def test_an_ended_build_is_taken_up_by_its_id(app: ModuleType, builds: Builds) -> None:
    detail = {"build-status": "SUCCEEDED", "project-name": "mooring"}
    detail["build-id"] = "arn:aws:codebuild:eu-west-1:123456789012:build/mooring:0a1b"
    app.handler({"source": "aws.codebuild", "detail": detail}, CONTEXT)
    assert builds.calls == [("ended", "mooring:0a1b")]


def test_the_clock_has_it_look_after_what_is_silent(app: ModuleType, builds: Builds) -> None:
    app.handler({"lookAfter": True}, CONTEXT)
    assert builds.calls == [("look after",)]

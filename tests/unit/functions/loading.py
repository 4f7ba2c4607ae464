"""Handlers of `functions/`, loaded fresh, and the sample events of `events/`."""

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from mooring_local.handlers import module

ROOT = Path(__file__).resolve().parents[3]


def event(name: str) -> dict[str, Any]:
    """Return `events/{name}.json`."""
    loaded: dict[str, Any] = json.loads((ROOT / "events" / f"{name}.json").read_text(encoding="utf-8"))
    return loaded


def load(function: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Import a handler's module as a cold start does, with an environment like Lambda's."""
    for name, value in {
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "AKID",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "MOORING_CONNECTIONS_URL": "https://abc123.execute-api.eu-west-1.amazonaws.com/prod",
        "MOORING_WORKER_SECRET": "worker-secret",
        "MOORING_SECRET_KEY": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
    }.items():
        monkeypatch.setenv(name, value)
    return module(function)

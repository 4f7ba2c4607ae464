"""Limits on their way: settings and workers' rows into an order, a worker's refusal into the handshake's."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mooring import handshake
from mooring.errors import LimitReached
from mooring.limits import SCOPES, Scope, Use, Uses, configured, decode, encode
from mooring.placement import place, reported
from mooring.settings import Settings, SettingsError
from mooring.workers import Worker, WorkerClient, WorkerTable
from tests.unit.loopback import serving

NOW = 1_000.0
REFUSAL = LimitReached("enough", {"limit": "server_sessions", "allowed": 9, "retryAfterSeconds": 7})


def worker(
    worker_id: str, uses: Mapping[Scope, Uses], lease: float = 9e12, address: str = "http://127.0.0.1:9"
) -> Worker:
    return Worker(worker_id, address, used=0, capacity=10, lease=lease, draining=False, uses=uses)


def test_nothing_is_limited_unless_a_setting_says_so() -> None:
    none = {"sessions": 0, "starts_per_minute": 0, "frames_per_second": 0}
    assert configured(Settings()) == {"principal": none, "server": none}
    environ = {"MOORING_PRINCIPAL_SESSIONS": "5", "MOORING_SERVER_FRAMES_PER_SECOND": "7"}
    assert configured(Settings.read(environ)) == {
        "principal": {**none, "sessions": 5},
        "server": {**none, "frames_per_second": 7},
    }


def test_a_negative_limit_is_refused_by_the_name_of_its_variable() -> None:
    with pytest.raises(SettingsError, match="MOORING_SERVER_STARTS_PER_MINUTE"):
        configured(Settings(server_starts_per_minute=-1))


def test_each_limit_is_a_parameter_of_the_stack() -> None:
    template = (Path(__file__).parents[2] / "template.yaml").read_text(encoding="utf-8")
    for scope, limits in configured(Settings()).items():
        for name in limits:
            parameter = f"{scope}_{name}".title().replace("_", "")
            assert f"MOORING_{scope}_{name}: ".upper() + f"!Ref {parameter}\n" in template


@given(st.dictionaries(st.text(), st.builds(Use, st.integers(0), st.integers(0))))
def test_what_a_worker_reports_is_read_as_it_was_written(uses: dict[str, Use]) -> None:
    assert decode(encode(uses)) == uses


def test_an_order_has_what_every_worker_that_lives_reports_of_its_principal_and_its_server() -> None:
    mine, other = Use(1, 2), Use(9, 9)
    workers = [
        worker("a", {"principal": {"p": mine, "q": other}, "server": {"o/n": Use(3, 4)}}),
        replace(worker("b", {"principal": {"p": Use(0, 5)}}), draining=True),
        worker("dead", {"principal": {"p": other}}, lease=NOW - 1),
        worker("empty", {}),
    ]
    assert reported(workers, "p", "o/n", NOW) == {
        "principal": {"a": mine, "b": Use(0, 5)},
        "server": {"a": Use(3, 4)},
    }


def test_a_row_says_what_its_worker_is_used_for_and_one_of_an_older_worker_does_not() -> None:
    row = {
        **{name: {"S": name} for name in ("worker_id", "address")},
        **{name: {"N": "1"} for name in ("used", "capacity", "lease")},
        "draining": {"BOOL": False},
    }

    class Table:
        def get_paginator(self, operation: str) -> "Table":
            return self

        def paginate(self, **parameters: Any) -> list[Any]:
            uses = {f"{scope}s": {"S": f'{{"{scope}":[1,2]}}'} for scope in SCOPES}
            return [{"Items": [row, {**row, "worker_id": {"S": "newer"}, **uses}]}]

    older, newer = WorkerTable(Table(), "workers").all()
    assert older.uses == {}
    assert newer.uses == {"principal": {"principal": Use(1, 2)}, "server": {"server": Use(1, 2)}}


def test_a_limit_that_is_reached_is_told_at_once_and_not_looked_for_elsewhere() -> None:
    asked = []

    def answer(method: str, target: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        asked.append(target)
        return 429, json.dumps(REFUSAL.as_jsonrpc()).encode()

    with serving(answer) as url, pytest.raises(LimitReached) as refused:
        workers = [worker(name, {}, address=url) for name in ("a", "b")]
        place(workers, "sha", WorkerClient("secret", timeout_seconds=5), "s1", {})
    assert asked == ["/sessions/s1"]

    told = handshake.refusal(refused.value)
    assert told["statusCode"] == 429
    assert told["headers"]["Retry-After"] == "7"
    assert json.loads(told["body"]) == {
        "error": "LimitReached",
        "message": "enough",
        "limit": "server_sessions",
        "allowed": 9,
        "retryAfterSeconds": 7,
    }

"""What the registry makes of the answers of several workers, and of those that do not answer."""

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from mooring.errors import InvalidRequest
from mooring.logs_api import ChildLogs
from mooring.workers import Worker, WorkerClient
from tests.unit.loopback import serving

SELECTION = {"server": "acme/one"}


def line(number: int) -> dict[str, Any]:
    told = {"session": "s", "server": "acme/one", "stream": "stderr", "text": f"line {number}"}
    return {**told, "number": number}


def page(*numbers: int, after: int = 0, **fields: Any) -> dict[str, Any]:
    told = {"lines": [line(number) for number in numbers], "next": max(numbers, default=after)}
    return {**told, "more": False, "lost": False, "sessions": 1, "servers": ["acme/one"], **fields}


class Fleet:
    """Workers that are announced, and what each was asked last."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self.workers: list[Worker] = []
        self.asked: dict[str, dict[str, str]] = {}

    def all(self) -> list[Worker]:
        return self.workers

    def announce(self, worker_id: str, address: str) -> None:
        self.workers.append(Worker(worker_id, address, used=0, capacity=1, lease=9e12, draining=False))

    def answering(self, worker_id: str, answer: dict[str, Any] | int) -> None:
        """Have a worker that answers with this content, or with this status."""

        def respond(method: str, target: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
            query = parse_qs(urlsplit(target).query)
            self.asked[worker_id] = {name: value for name, (value,) in query.items()}
            return (answer, b"") if isinstance(answer, int) else (200, json.dumps(answer).encode())

        self.announce(worker_id, self._stack.enter_context(serving(respond)))

    def replace(self, worker_id: str, answer: dict[str, Any] | int) -> None:
        self.workers = [worker for worker in self.workers if worker.worker_id != worker_id]
        self.answering(worker_id, answer)

    def read(self, cursor: str = "", lines: int = 10) -> dict[str, Any]:
        table: Any = self
        return ChildLogs(table, WorkerClient("secret", timeout_seconds=5)).read(SELECTION, lines, cursor)


@pytest.fixture
def fleet() -> Iterator[Fleet]:
    with ExitStack() as stack:
        yield Fleet(stack)


def texts(answer: dict[str, Any]) -> list[str]:
    return [line["text"] for line in answer["lines"]]


def test_lines_are_merged_by_time_and_shown_with_it(fleet: Fleet) -> None:
    fleet.answering("w1", page(1_795_230_000_000_000, 1_795_230_000_002_000))
    fleet.answering("w2", page(1_795_230_000_001_000, servers=["acme/two"]))

    answer = fleet.read()

    assert [line["at"] for line in answer["lines"]] == [f"2026-11-21T03:00:00.00{n}Z" for n in range(3)]
    assert set(answer["lines"][0]) == {"at", "session", "server", "stream", "text"}
    assert (answer["sessions"], answer["servers"]) == (2, ["acme/one", "acme/two"])
    assert not (answer["more"] or answer["lost"] or answer["silent"] or answer["gone"])


def test_the_first_answer_has_the_last_lines_of_all_and_the_next_those_after_them(fleet: Fleet) -> None:
    fleet.answering("w1", page(1, 4))
    fleet.answering("w2", page(2, 3))

    first = fleet.read(lines=3)
    assert texts(first) == ["line 2", "line 3", "line 4"]
    assert "after" not in fleet.asked["w1"]
    fleet.replace("w1", page(5, 7))
    fleet.replace("w2", page(6, 8))
    second = fleet.read(first["cursor"], lines=3)

    assert texts(second) == ["line 5", "line 6", "line 7", "line 8"]  # none may be left out
    assert (fleet.asked["w1"]["after"], fleet.asked["w2"]["after"]) == ("4", "3")


def test_a_worker_that_has_joined_is_asked_for_all_it_has(fleet: Fleet) -> None:
    cursor = fleet.read()["cursor"]
    fleet.answering("new", page(1))

    assert texts(fleet.read(cursor)) == ["line 1"]
    assert fleet.asked["new"]["after"] == "0"


def test_what_is_asked_for_is_shared_among_the_workers_in_bytes(fleet: Fleet) -> None:
    for number in range(4):
        fleet.answering(f"w{number}", page())

    fleet.read(lines=7)

    assert {(asked["lines"], asked["bytes"]) for asked in fleet.asked.values()} == {("7", str(128 * 1024))}
    assert {asked["server"] for asked in fleet.asked.values()} == {"acme/one"}


def test_what_one_worker_says_holds_for_the_answer(fleet: Fleet) -> None:
    fleet.answering("w1", page())
    fleet.answering("w2", page(more=True, lost=True))

    answer = fleet.read()

    assert (answer["more"], answer["lost"]) == (True, True)


@pytest.mark.parametrize("status", [404, 429, 500])
def test_a_worker_that_refuses_is_silent_and_keeps_its_place(fleet: Fleet, status: int) -> None:
    fleet.answering("w1", page(1))
    fleet.answering("w2", page(2))
    cursor = fleet.read()["cursor"]

    fleet.replace("w2", status)
    answer = fleet.read(cursor)
    assert (answer["silent"], answer["gone"]) == (["w2"], [])

    fleet.replace("w2", page(3))
    fleet.read(answer["cursor"])
    assert fleet.asked["w2"]["after"] == "2"


def test_a_worker_that_was_silent_from_the_start_is_asked_for_all_it_has(fleet: Fleet) -> None:
    fleet.answering("w1", 500)
    cursor = fleet.read()["cursor"]

    fleet.replace("w1", page(1))

    assert texts(fleet.read(cursor)) == ["line 1"]


@pytest.fixture
def nobody() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize("is_announced", [True, False])
def test_a_worker_where_nobody_listens_or_that_is_not_announced_any_more_is_gone(
    fleet: Fleet, nobody: str, is_announced: bool
) -> None:
    fleet.answering("w1", page(1))
    cursor = fleet.read()["cursor"]
    fleet.workers.clear()
    if is_announced:
        fleet.announce("w1", nobody)

    answer = fleet.read(cursor)

    assert (answer["silent"], answer["gone"]) == ([], ["w1"])
    fleet.workers.clear()
    assert fleet.read(answer["cursor"])["gone"] == []  # told once


@pytest.mark.parametrize(
    "cursor",
    ["no base64!", "W10=", "e30", "eyJ3IjotMX0=", "eyJ3IjoiMSJ9", "eyJ3IjoxZTk5fQ==", "W1tb" * 1900],
    ids=lambda text: text[:12],
)
def test_a_cursor_that_no_answer_had_is_refused(fleet: Fleet, cursor: str) -> None:
    with pytest.raises(InvalidRequest, match="cursor"):
        fleet.read(cursor)

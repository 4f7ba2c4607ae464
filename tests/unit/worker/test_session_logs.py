"""Which lines of which sessions are given out, and how long those of ended ones are kept."""

import itertools
from typing import Any
from urllib.parse import urlencode

import pytest

from mooring.errors import InvalidRequest
from mooring_worker.session_logs import (
    KEPT_BYTES,
    KEPT_SECONDS,
    KEPT_SESSIONS,
    EndedSessions,
    SessionLog,
    Wanted,
    find,
)
from mooring_worker.tail import Tail

LIMIT = 64 * 1024


class Printed:
    """Sessions whose lines have the numbers 1, 2, 3… in the order in which they were printed."""

    def __init__(self, limit_bytes: int = LIMIT) -> None:
        self._numbers = itertools.count(1)
        self._limit_bytes = limit_bytes
        self.logs: dict[str, SessionLog] = {}

    def line(self, session_id: str, text: str, server: str = "acme/one") -> None:
        if session_id not in self.logs:
            tail = Tail(self._limit_bytes, self._numbers.__next__)
            self.logs[session_id] = SessionLog(session_id, server, tail)
        self.logs[session_id].tail.add(text.encode())

    def find(self, **query: Any) -> dict[str, Any]:
        wanted = Wanted.read(urlencode({"server": "acme/one", "lines": 100, "bytes": 100_000, **query}))
        return find(self.logs.values(), wanted)

    def texts(self, **query: Any) -> list[str]:
        return [line["text"] for line in self.find(**query)["lines"]]


@pytest.fixture
def printed() -> Printed:
    """Two sessions of one server that take turns, and one of another server."""
    printed = Printed()
    for number in range(1, 7):
        printed.line(f"session-{number % 2}", f"line {number}")
    printed.line("elsewhere", "foreign", "acme/two")
    return printed


def test_the_lines_of_a_server_are_in_the_order_in_which_they_were_printed(printed: Printed) -> None:
    found = printed.find()

    assert [line["text"] for line in found["lines"]] == [f"line {number}" for number in range(1, 7)]
    assert found["lines"][0] == {
        "session": "session-1",
        "server": "acme/one",
        "number": 1,
        "stream": "stdout",
        "text": "line 1",
    }
    assert (found["next"], found["more"], found["lost"]) == (6, False, False)
    assert (found["sessions"], found["servers"]) == (2, ["acme/one"])


def test_without_a_number_the_last_lines_are_given_with_one_the_next(printed: Printed) -> None:
    assert printed.texts(lines=2) == ["line 5", "line 6"]
    assert printed.texts(lines=2, after=2) == ["line 3", "line 4"]
    assert [printed.find(lines=2, after=after)["more"] for after in (2, 4)] == [True, False]
    assert printed.find(lines=2, after=2)["next"] == 4


def test_whoever_asks_on_misses_no_line_and_gets_none_twice(printed: Printed) -> None:
    texts: list[str] = []
    after = 0
    while texts != (texts := texts + printed.texts(lines=1, after=after)):
        after = printed.find(lines=1, after=after)["next"]

    assert texts == [f"line {number}" for number in range(1, 7)]
    assert printed.find(after=after)["next"] == after


def test_an_answer_is_bounded_in_bytes_and_has_a_line_at_least(printed: Printed) -> None:
    assert printed.texts(bytes=1) == ["line 6"]
    assert printed.texts(bytes=1, after=0) == ["line 1"]
    assert printed.texts(bytes=400, after=0) == ["line 1", "line 2"]


def test_nothing_printed_is_nothing_found(printed: Printed) -> None:
    found = printed.find(server="acme/three")

    assert found == {"lines": [], "next": 0, "more": False, "lost": False, "sessions": 0, "servers": []}


@pytest.mark.parametrize(
    ("session", "sessions"), [("session-1", 1), ("session-", 2), ("session", 0), ("elsewhere", 0)]
)
def test_a_session_is_named_by_its_id_or_by_its_first_eight_characters(
    printed: Printed, session: str, sessions: int
) -> None:
    assert printed.find(session=session)["sessions"] == sessions


def test_a_short_id_is_one_all_the_same() -> None:
    printed = Printed()
    printed.line("s1", "one")
    printed.line("s12", "other")

    assert printed.texts(server="", session="s1") == ["one"]


def test_lines_that_went_before_they_were_asked_for_are_said_to_be_lost() -> None:
    printed = Printed(limit_bytes=400)
    for number in range(1, 6):
        printed.line("s", f"line {number}")

    assert printed.texts(after=0) == ["line 4", "line 5"]
    assert [printed.find(after=after)["lost"] for after in (0, 2, 3)] == [True, True, False]
    assert not printed.find()["lost"]  # the end of it was asked for


def test_the_line_of_an_end_says_how(printed: Printed) -> None:
    printed.logs["session-1"].tail.close("the server exited with code 3", {"exitCode": 3}, is_news=True)

    *_, last = printed.find()["lines"]

    assert (last["stream"], last["end"]) == ("session", {"exitCode": 3})


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("lines=1&bytes=1", "server or session"),
        ("server=&lines=1&bytes=1", "server or session"),
        ("server=a/b&lines=1", "bytes"),
        ("server=a/b&bytes=1", "lines"),
        ("server=a/b&lines=1&bytes=1&after=-1", "after"),
        ("server=a/b&lines=1&bytes=1&after=" + "9" * 5000, "after"),
    ],
)
def test_a_question_that_cannot_be_answered_is_refused(query: str, field: str) -> None:
    with pytest.raises(InvalidRequest, match=field):
        Wanted.read(query)


class TestEndedSessions:
    def log(self, session_id: str = "s", *, size_bytes: int = 1) -> SessionLog:
        tail = Tail(2 * KEPT_BYTES)
        while tail.size_bytes < size_bytes:
            tail.add(b"x" * 4000)
        return SessionLog(session_id, "acme/one", tail)

    def test_the_last_ones_are_kept(self) -> None:
        ended = EndedSessions()

        for number in range(KEPT_SESSIONS + 2):
            ended.keep(self.log(str(number)))

        assert [log.session_id for log in ended] == [str(number) for number in range(2, KEPT_SESSIONS + 2)]

    def test_they_take_a_bounded_memory_also_when_they_grow_afterwards(self) -> None:
        ended = EndedSessions()

        for number in range(20):
            ended.keep(self.log(str(number), size_bytes=LIMIT * 8))
        kept = list(ended)
        assert sum(log.tail.size_bytes for log in kept) <= KEPT_BYTES
        assert kept[-1].session_id == "19"

        while sum(log.tail.size_bytes for log in kept) <= KEPT_BYTES:
            kept[-1].tail.add(b"x" * 4000)
        assert len(list(ended)) == len(kept) - 1

    def test_they_are_kept_for_a_time(self) -> None:
        now = 0.0
        ended = EndedSessions(lambda: now)
        ended.keep(self.log("old"))
        now = KEPT_SECONDS
        ended.keep(self.log("new"))
        assert [log.session_id for log in ended] == ["old", "new"]

        now += 1

        assert [log.session_id for log in ended] == ["new"]

    def test_those_that_printed_nothing_take_no_place(self) -> None:
        ended = EndedSessions()

        ended.keep(self.log(size_bytes=0))

        assert list(ended) == []

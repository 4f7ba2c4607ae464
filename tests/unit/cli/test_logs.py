"""`mooring logs` with a registry that answers as it is told: what is said, how long it waits."""

import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from click.testing import Result

from mooring.errors import Forbidden, LimitReached, MooringError, WorkerUnavailable
from mooring_cli import logs
from tests.unit.loopback import serving

Run = Callable[..., Result]


def line(text: str, **fields: Any) -> dict[str, Any]:
    known = {"at": "2026-11-21T12:00:00.000Z", "session": "0123456789abcdef", "server": "acme/one"}
    return {**known, "stream": "stderr", "text": text, **fields}


ENDED = line("the server exited with code 1", stream="session", end={"exitCode": 1})


def page(*lines: dict[str, Any], **fields: Any) -> dict[str, Any]:
    told: dict[str, Any] = {"lines": lines, "cursor": "c", "more": False, "lost": False, "sessions": 1}
    return {**told, "silent": [], "gone": [], **fields}


class Registry:
    """Gives `answers` in turn, the last one again and again."""

    def __init__(self) -> None:
        self.answers: list[dict[str, Any] | MooringError] = []
        self.asked: list[str] = []

    def respond(self, method: str, target: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        self.asked.append(target)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, MooringError):
            return answer.http_status, json.dumps(answer.as_http()).encode()
        return 200, json.dumps(answer).encode()


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    registry = Registry()
    with serving(registry.respond) as url:
        monkeypatch.setenv("MOORING_URL", url)
        monkeypatch.setenv("MOORING_API_KEY", "mk_test")
        monkeypatch.setattr(logs, "POLL_SECONDS", 0.001)
        yield registry


def test_a_line_is_shown_with_its_time_and_session(run: Run, registry: Registry) -> None:
    registry.answers = [page(line("hello"), ENDED)]

    shown = run("logs", "@acme/one", "-n", "7").stdout.splitlines()

    assert [text[15:] for text in shown] == ["01234567 hello", "01234567 [the server exited with code 1]"]
    asked = urlsplit(registry.asked[0])
    assert asked.path == "/servers/acme/one/logs"
    assert parse_qs(asked.query) == {"lines": ["7"]}


def test_json_is_an_object_per_line_as_it_came(run: Run, registry: Registry) -> None:
    registry.answers = [page(line("\x1b[31mé"), ENDED)]

    shown = run("logs", "acme/one", "--json").stdout.splitlines()

    assert [json.loads(text) for text in shown] == [line("\x1b[31mé"), ENDED]


def test_following_a_session_ends_after_the_lines_that_came_with_its_end(
    run: Run, registry: Registry
) -> None:
    registry.answers = [
        page(line("one"), more=True),
        page(ENDED, more=True),
        page(line("two"), more=True),
        page(line("three")),
        page(line("never")),
    ]

    result = run("logs", "0123456789abcdef", "-f")

    assert result.exit_code == 0
    assert [text.split()[-1] for text in result.stdout.splitlines()] == ["one", "1]", "two", "three"]
    assert [parse_qs(urlsplit(target).query).get("cursor") for target in registry.asked[:2]] == [None, ["c"]]


def test_what_is_to_be_known_is_said_once_and_not_among_the_lines(run: Run, registry: Registry) -> None:
    told = {"silent": ["w1"], "gone": ["w2"], "lost": True}
    registry.answers = [page(**told), page(**told), page(ENDED), page()]

    result = run("logs", "0123456789abcdef", "-f")

    assert result.stderr.splitlines() == [
        "Worker w1 does not answer: the lines of its sessions are missing",
        "Worker w2 is gone, and with it the lines of its sessions",
        "Some lines were printed faster than they could be read, and are lost",
    ]


@pytest.mark.parametrize(
    ("sessions", "said"), [(0, "No session of acme/one runs"), (3, "3 sessions of acme/one can be seen")]
)
def test_why_nothing_is_shown_is_said(run: Run, registry: Registry, sessions: int, said: str) -> None:
    registry.answers = [page(sessions=sessions)]

    result = run("logs", "acme/one")

    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.startswith(said)


@pytest.mark.parametrize("failure", [WorkerUnavailable("no"), LimitReached("slower"), MooringError("oops")])
def test_a_failure_that_passes_is_waited_for(run: Run, registry: Registry, failure: MooringError) -> None:
    registry.answers = [page(line("one")), failure, failure, page(ENDED), page()]

    result = run("logs", "0123456789abcdef", "-f")

    assert (result.exit_code, result.stderr) == (0, "")
    assert len(result.stdout.splitlines()) == 2


def test_a_failure_that_lasts_is_told_at_last(
    run: Run, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "PATIENCE_SECONDS", 0.0)
    registry.answers = [page(line("one")), WorkerUnavailable("no worker answers")]

    result = run("logs", "0123456789abcdef", "-f")

    assert result.exit_code == 1
    assert "no worker answers" in result.stderr


def test_a_refusal_is_told_at_once(run: Run, registry: Registry) -> None:
    registry.answers = [page(line("one")), Forbidden("the key was changed"), page(line("never"))]

    result = run("logs", "acme/one", "-f")

    assert result.exit_code == 1
    assert "the key was changed" in result.stderr
    assert "never" not in result.stdout


@pytest.mark.parametrize("arguments", [("a/b/c",), ("acme/one", "-n", "0"), ("acme/one", "-n", "1001"), ()])
def test_wrong_usage_asks_nothing(run: Run, registry: Registry, arguments: tuple[str, ...]) -> None:
    assert run("logs", *arguments).exit_code == 2
    assert registry.asked == []

"""The lines that are kept of a child: their numbers, their bounds, what becomes of the rest."""

import itertools
import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mooring_worker.tail import LINE_BYTES, MAX_LINE_BYTES, Tail

LIMIT = 64 * 1024


def tail(limit_bytes: int = LIMIT) -> Tail:
    return Tail(limit_bytes, itertools.count(1).__next__)


def texts(tail: Tail, after: int = 0) -> list[str]:
    return [line.text.decode() for line in tail.after(after)]


def test_a_line_comes_with_the_number_after_the_last_one_and_where_it_was_printed() -> None:
    log = tail()

    log.write(b"one\ntwo\n")
    log.add(b"three")

    assert [tuple(line) for line in log.after(0)] == [
        (1, "stderr", b"one"),
        (2, "stderr", b"two"),
        (3, "stdout", b"three"),
    ]
    assert texts(log, after=2) == ["three"]
    assert [line.number for line in log.newest_first()] == [3, 2, 1]


@pytest.mark.parametrize("step", [1, 0, -1], ids=["runs", "stands", "is set back"])
def test_numbers_are_times_and_rise_over_all_logs_whatever_the_clock_does(
    monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    begun = time.time_ns()
    clock = itertools.count(begun, step)
    monkeypatch.setattr("mooring_worker.tail.time.time_ns", lambda: next(clock))
    one, other = Tail(LIMIT), Tail(LIMIT)

    for _ in range(100):
        one.add(b"x")
        other.add(b"y")

    pairs = zip(one.after(0), other.after(0), strict=True)
    numbers = [line.number for pair in pairs for line in pair]
    assert numbers == sorted(set(numbers))
    assert numbers[0] >= begun // 1000


@given(st.lists(st.binary(max_size=20)))
def test_wherever_stderr_is_cut_the_lines_are_the_same(chunks: list[bytes]) -> None:
    whole, pieces = tail(), tail()

    whole.write(b"".join(chunks))
    for chunk in chunks:
        pieces.write(chunk)

    assert texts_of(pieces) == texts_of(whole)


def texts_of(tail: Tail) -> list[bytes]:
    return [line.text for line in tail.after(0)]


def test_an_unfinished_line_is_kept_back_until_it_ends_or_the_child_does() -> None:
    log = tail()

    log.write(b"half a ")
    assert texts(log) == []
    log.write(b"line\r\nlast words")
    assert texts(log) == ["half a line"]
    log.close("the server exited with code 3", {"exitCode": 3}, is_news=True)

    assert texts(log) == ["half a line", "last words", "the server exited with code 3"]
    assert log.end == {"exitCode": 3}


def test_what_comes_after_the_end_is_not_held_back() -> None:
    log = tail()
    log.close("the server exited with code 0", {}, is_news=True)

    log.write(b"from a process left behind")

    assert texts(log)[-1] == "from a process left behind"


def test_an_end_that_was_ordered_is_only_worth_a_line_after_others() -> None:
    silent, chatty = tail(), tail()
    chatty.add(b"hello")

    for log in (silent, chatty):
        log.close("the server exited with code 0", {}, is_news=False)

    assert texts(silent) == []
    assert texts(chatty) == ["hello", "the session ended; the server exited with code 0"]


def test_the_oldest_lines_go_first_and_leave_their_number() -> None:
    log = tail(3 * (LINE_BYTES + 1))

    for text in b"abcde":
        log.add(bytes([text]))

    assert texts(log) == ["c", "d", "e"]
    assert (log.lost_to, log.size_bytes) == (2, 3 * (LINE_BYTES + 1))


@pytest.mark.parametrize(
    "chunk", [b"x" * 100_000, b"\n" * 100_000, b"short\n" * 20_000, b"y" * 5_000 + b"\n"], ids=len
)
def test_memory_stays_within_the_limit_whatever_is_written(chunk: bytes) -> None:
    log = tail()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(20):
            log.write(chunk)
            held = tracemalloc.get_traced_memory()[0] - before
            assert log.size_bytes <= LIMIT
            assert held < LIMIT * 1.2 + 2 * MAX_LINE_BYTES
    finally:
        tracemalloc.stop()
    assert log.lost_to


def test_a_log_without_a_line_holds_next_to_nothing() -> None:
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        logs = [Tail(LIMIT) for _ in range(1000)]
        held = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert held / len(logs) < 160


def test_a_flood_leaves_the_lines_it_ended_with() -> None:
    log = tail()

    log.write(b"begun ")
    log.write("".join(f"line {number}\n" for number in range(100_000)).encode() + b"and")
    log.write(b" on\n")

    assert texts(log)[-2:] == ["line 99999", "and on"]
    numbers = [int(text.removeprefix("line ")) for text in texts(log)[:-1]]
    assert numbers == list(range(numbers[0], 100_000))


def test_a_long_line_is_cut_into_several() -> None:
    log = tail()

    log.write(b"x" * (MAX_LINE_BYTES + 1) + b"\n")
    log.add(b"y" * (MAX_LINE_BYTES + 1))
    log.add(b"")

    assert [len(text) for text in texts(log)] == [MAX_LINE_BYTES, 1, MAX_LINE_BYTES, 1, 0]


@pytest.mark.parametrize("limit_bytes", [0, 1, LINE_BYTES])
def test_a_limit_too_low_for_a_line_keeps_none(limit_bytes: int) -> None:
    log = tail(limit_bytes)

    log.write(b"a\nb\n" + b"x" * 100_000)
    log.add(b"c")

    assert texts(log) == []


class TestLastWords:
    def test_they_are_the_last_fifty_lines(self) -> None:
        log = tail()

        for number in range(200):
            log.write(f"line {number}\n".encode())

        assert log.last_words() == [f"line {number}" for number in range(150, 200)]

    def test_they_have_16_kib_at_most(self) -> None:
        log = tail()

        log.write(b"x" * 100_000)

        assert sum(map(len, log.last_words())) <= 16 * 1024

    def test_an_unfinished_line_is_one_of_them(self) -> None:
        log = tail()

        log.write(b"one\r\ntwo")

        assert log.last_words() == ["one", "two"]

    def test_what_is_no_text_is_shown_as_far_as_it_is(self) -> None:
        log = tail()

        log.write(b"caf\xc3\xa9 \xff\n")

        assert log.last_words() == ["café �"]

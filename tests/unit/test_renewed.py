import threading

import pytest

from mooring.renewed import Renewed


class Source:
    def __init__(self) -> None:
        self.now = 0.0
        self.made = 0
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self.has_begun = threading.Event()

    def make(self) -> int:
        self.has_begun.set()
        assert self.may_go_on.wait(10)
        self.made += 1
        return self.made


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def value(source: Source) -> Renewed[int]:
    return Renewed(source.make, 10.0, lambda: source.now)


def test_a_value_is_made_anew_when_it_is_too_old(source: Source, value: Renewed[int]) -> None:
    assert [value.get(), value.get()] == [1, 1]
    source.now = 9.9
    assert value.get() == 1
    source.now = 10.0
    assert value.get() == 2


def test_nobody_waits_while_another_thread_makes_it_anew(source: Source, value: Renewed[int]) -> None:
    value.get()
    source.now = 10.0
    source.may_go_on.clear()
    source.has_begun.clear()
    thread = threading.Thread(target=value.get)
    thread.start()
    assert source.has_begun.wait(10)
    assert value.get() == 1
    source.may_go_on.set()
    thread.join(10)
    assert value.get() == 2


def test_the_first_value_is_made_once_and_waited_for(source: Source, value: Renewed[int]) -> None:
    source.may_go_on.clear()
    got: list[int] = []
    threads = [threading.Thread(target=lambda: got.append(value.get())) for _ in range(4)]
    for thread in threads:
        thread.start()
    assert source.has_begun.wait(10)
    source.may_go_on.set()
    for thread in threads:
        thread.join(10)
    assert (got, source.made) == ([1, 1, 1, 1], 1)


def test_what_fails_is_tried_again(source: Source) -> None:
    failing = Renewed(lambda: 1 // source.made, 10.0)
    with pytest.raises(ZeroDivisionError):
        failing.get()
    source.made = 1
    assert failing.get() == 1

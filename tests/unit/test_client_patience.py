import pytest

from mooring.client.patience import Patience, Search
from tests.unit.resumable import MadeUpTime


async def pauses_of(search: Search, time: MadeUpTime, attempts: int) -> list[float]:
    time.pauses.clear()
    for _ in range(attempts):
        assert await search.pause()
    return time.pauses


async def test_the_first_attempt_is_made_at_once_and_the_pauses_double_to_five_seconds() -> None:
    time = MadeUpTime()

    assert await pauses_of(Search(time.patience), time, 9) == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]


async def test_up_to_half_of_a_pause_is_left_to_chance() -> None:
    time = MadeUpTime()
    patience = Patience(clock=time.patience.clock, sleep=time.patience.sleep, random=lambda: 0.0)

    assert await pauses_of(Search(patience), time, 3) == [0.05, 0.1]


@pytest.mark.parametrize(("asked", "waited"), [(30, 30), (0.01, 0.1), (None, 0.1), ("9", 0.1)])
async def test_one_pause_is_as_long_as_the_server_asks(asked: object, waited: float) -> None:
    time = MadeUpTime()
    search = Search(time.patience)
    await search.pause()
    search.put_off(asked)

    assert await pauses_of(search, time, 2) == [waited, 0.2]


async def test_the_search_ends_with_the_window() -> None:
    time = MadeUpTime()
    search = Search(time.patience)
    await search.pause()
    search.put_off(1000)

    assert not await search.pause()
    assert time.pauses == [300]


async def test_a_window_of_nothing_allows_no_attempt() -> None:
    assert not await Search(Patience(window_seconds=0)).pause()

import time

from mooring_local.gateway.clock import Clock, MovableClock


def test_a_clock_tells_wall_time() -> None:
    before = time.time()
    assert before <= Clock().now() <= time.time()


def test_a_moved_clock_is_ahead_and_says_so_at_once() -> None:
    clock = MovableClock()
    told: list[float] = []
    clock.on_move(lambda: told.append(clock.now() - time.time()))
    clock.advance(600)
    clock.advance(1)
    assert [round(ahead) for ahead in told] == [600, 601]

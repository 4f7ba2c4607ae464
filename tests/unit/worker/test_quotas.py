"""The counting as a state machine: nobody has more than allowed, and nobody is refused who has less."""

from collections import Counter
from copy import deepcopy

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from msgspec import Raw

from mooring.envelope import Envelope
from mooring.errors import LimitReached
from mooring.limits import Limits, Scope, Use
from mooring_worker import quotas
from mooring_worker.quotas import Key, Pace, Party, Quotas

MINUTE = 60.0
NAMES: tuple[Key, ...] = (("principal", "p"), ("principal", "q"), ("server", "o/s"))
LIMITS = {"principal": Limits(sessions=2, starts_per_minute=3), "server": Limits(4, 5, 0)}
NOTHING = Use(0, 0)

REQUEST, NOTICE = Envelope(Raw(b"1"), "ping"), Envelope(method="notifications/x")


def party(key: Key, limits: Limits | None = None, elsewhere: Use = NOTHING) -> Party:
    """Return a party of which another worker has reported `elsewhere`, and this one nonsense."""
    return Party(*key, limits or LIMITS[key[0]], {"other": elsewhere, "me": Use(99, 99)})


def refusal(counts: Quotas, parties: list[Party], live: Counter[Key], now: float) -> dict[str, int | str]:
    with pytest.raises(LimitReached) as refused:
        counts.check(parties, live, now)
    assert refused.value.data
    return refused.value.data


class Worker(RuleBasedStateMachine):
    """One worker beside another, with two principals that use one server."""

    def __init__(self) -> None:
        super().__init__()
        self.quotas = Quotas("me")
        self.now = 1000.25
        self.live: list[tuple[Key, ...]] = []
        self.started: dict[Key, list[float]] = {key: [] for key in NAMES}
        self.elsewhere: dict[Key, Use] = dict.fromkeys(NAMES, NOTHING)

    @rule(seconds=st.sampled_from([0.0, 0.3, 1.0, 17.5, 59.9, 60.0, 61.0, 400.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(key=st.sampled_from(NAMES), sessions=st.integers(0, 3), starts=st.integers(0, 4))
    def the_other_worker_reports(self, key: Key, sessions: int, starts: int) -> None:
        self.elsewhere[key] = Use(sessions, starts)

    @rule(principal=st.sampled_from(NAMES[:2]))
    def a_session_is_asked_for(self, principal: Key) -> None:
        parties = [party(key, elsewhere=self.elsewhere[key]) for key in (principal, NAMES[2])]
        try:
            self.quotas.check(parties, self.counted(), self.now)
        except LimitReached as error:
            self.assert_right(error, parties)
            return
        for one in parties:
            assert self.sessions(one.key) < one.limits.sessions
            assert self.starts(one.key, MINUTE) < one.limits.starts_per_minute
            self.started[one.key].append(self.now)
        assert self.quotas.start(parties, self.now) is None
        self.live.append(tuple(one.key for one in parties))

    @precondition(lambda self: self.live)
    @rule(data=st.data())
    def a_session_ends(self, data: st.DataObject) -> None:
        self.live.pop(data.draw(st.integers(0, len(self.live) - 1)))

    @rule()
    def the_heart_beats(self) -> None:
        uses = self.quotas.uses(self.counted(), self.now)
        for scope, name in NAMES:
            use = uses[scope].get(name, NOTHING)
            assert use.sessions == self.counted()[scope, name]
            assert self.own_starts((scope, name), MINUTE) <= use.starts
            assert use.starts <= self.own_starts((scope, name), MINUTE + 1)

    @invariant()
    def what_is_remembered_is_bounded(self) -> None:
        assert all(len(starts._by_second) <= 61 for starts, _ in self.quotas._tallies.values())

    def teardown(self) -> None:
        assert not any(self.quotas.uses(Counter(), self.now + 1000).values())
        assert self.quotas._tallies == {}

    def assert_right(self, error: LimitReached, parties: list[Party]) -> None:
        assert error.data
        scope, _, name = error.data["limit"].partition("_")
        (one,) = [party for party in parties if party.scope == scope]
        assert error.data["allowed"] == getattr(one.limits, name)
        if name == "sessions":
            assert self.sessions(one.key) >= one.limits.sessions
            return
        assert self.starts(one.key, MINUTE + 1) >= one.limits.starts_per_minute
        after = error.data["retryAfterSeconds"]
        assert 1 <= after <= MINUTE + 1
        if not self.elsewhere[one.key].starts:
            limits = Limits(starts_per_minute=one.limits.starts_per_minute)
            deepcopy(self.quotas).check([party(one.key, limits)], Counter(), self.now + after)

    def counted(self) -> Counter[Key]:
        return Counter(key for session in self.live for key in session)

    def sessions(self, key: Key) -> int:
        return self.counted()[key] + self.elsewhere[key].sessions

    def starts(self, key: Key, seconds: float) -> int:
        return self.own_starts(key, seconds) + self.elsewhere[key].starts

    def own_starts(self, key: Key, seconds: float) -> int:
        return sum(self.now - at < seconds for at in self.started[key])


TestWorker = Worker.TestCase


def test_without_limits_nothing_is_refused_and_no_frame_is_looked_at() -> None:
    counts, everybody = Quotas("me"), [party(NAMES[0], Limits(), Use(10**6, 10**6))]
    for _ in range(1000):
        counts.check(everybody, Counter({NAMES[0]: 10**6}), 1.0)
        assert counts.start(everybody, 1.0) is None


def test_what_this_worker_has_reported_of_itself_does_not_count_twice() -> None:
    one = Party("principal", "p", Limits(sessions=2), {"me": Use(1, 1)})
    Quotas("me").check([one], Counter({one.key: 1}), 1.0)
    assert refusal(Quotas("another"), [one], Counter({one.key: 1}), 1.0)["limit"] == "principal_sessions"


def test_a_report_has_a_bounded_number_of_names_those_that_use_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quotas, "_REPORTED", 2)
    counts = Quotas("me")
    for name in ("a", "b", "b", "c", "c", "c"):
        counts.start([party(("principal", name))], 1.0)
    assert counts.uses(Counter(), 1.0)["principal"] == {"b": Use(0, 2), "c": Use(0, 3)}


def pace(counts: Quotas, now: float, **allowed: int) -> Pace:
    scopes: list[Scope] = ["principal", "server"]
    parties = [
        party((scope, "one"), Limits(frames_per_second=allowed[scope]))
        for scope in scopes
        if scope in allowed
    ]
    started = counts.start(parties, now)
    assert started
    return started


def passes(one: Pace, now: float, *envelopes: Envelope) -> bool:
    try:
        one.take(envelopes or (REQUEST,), now)
    except LimitReached:
        return False
    return True


@given(
    st.integers(1, 20),
    st.lists(st.tuples(st.floats(0, 2), st.lists(st.booleans(), min_size=1, max_size=3)), max_size=60),
)
def test_no_second_has_more_requests_than_a_burst_and_what_may_follow_it(
    rate: int, arrivals: list[tuple[float, list[bool]]]
) -> None:
    one, now = pace(Quotas("me"), 0.0, principal=rate), 0.0
    passed: list[tuple[float, int]] = []
    for seconds, kinds in arrivals:
        now += seconds
        envelopes = [REQUEST if is_request else NOTICE for is_request in kinds]
        if passes(one, now, *envelopes) and any(kinds):
            passed.append((now, min(len(kinds), rate)))
    for first in range(len(passed)):
        for last in range(first, len(passed)):
            elapsed = passed[last][0] - passed[first][0]
            assert sum(count for _, count in passed[first : last + 1]) <= rate * (1 + elapsed) + 1e-6


@given(st.integers(1, 50), st.integers(1, 100))
def test_who_keeps_to_the_limit_is_never_refused(rate: int, seconds: int) -> None:
    one = pace(Quotas("me"), 0.0, principal=rate, server=rate)
    for second in range(seconds):
        assert all(passes(one, float(second)) for _ in range(rate))
        assert not passes(one, float(second))


@pytest.mark.parametrize(
    ("allowed", "limit"),
    [
        ({"principal": 1, "server": 9}, "principal_frames_per_second"),
        ({"principal": 9, "server": 1}, "server_frames_per_second"),
    ],
)
def test_the_limit_that_refuses_a_frame_is_named(allowed: dict[str, int], limit: str) -> None:
    one = pace(Quotas("me"), 0.0, **allowed)
    one.take([REQUEST], 0.0)
    with pytest.raises(LimitReached) as refused:
        one.take([REQUEST], 0.0)
    assert refused.value.data == {"limit": limit, "allowed": 1, "retryAfterSeconds": 1}


def test_what_one_limit_refuses_takes_nothing_of_the_other() -> None:
    counts = Quotas("me")
    busy, other = pace(counts, 0.0, principal=1, server=3), pace(counts, 0.0, server=3)
    assert [passes(busy, 0.0) for _ in range(5)] == [True, False, False, False, False]
    assert [passes(other, 0.0) for _ in range(3)] == [True, True, False]


def test_answers_and_notifications_are_counted_and_never_refused() -> None:
    one = pace(Quotas("me"), 0.0, principal=2)
    answer = Envelope(Raw(b"1"))
    assert all(passes(one, 0.0, frame) for frame in [NOTICE, answer] * 100)
    assert not passes(one, 0.0)
    assert passes(one, 0.5)  # no debt is left of them


def test_a_batch_counts_as_its_messages_and_passes_once_a_second_however_long_it_is() -> None:
    one = pace(Quotas("me"), 0.0, principal=4)
    assert passes(one, 0.0, REQUEST, NOTICE, REQUEST)
    assert not passes(one, 0.0, REQUEST, REQUEST)
    assert passes(one, 0.0)
    assert not passes(one, 0.9, *[REQUEST] * 100)
    assert passes(one, 1.0, *[REQUEST] * 100)


def test_sessions_of_one_principal_share_its_frames_also_after_a_beat() -> None:
    counts = Quotas("me")
    first = pace(counts, 0.0, principal=2)
    assert passes(first, 100.0)
    counts.uses(Counter(), 100.25)  # the session's end is told, the frame of a moment ago counts still
    second = pace(counts, 100.25, principal=2)
    assert [passes(second, 100.25) for _ in range(2)] == [True, False]


def test_a_limit_that_was_lowered_holds_from_the_next_second() -> None:
    counts = Quotas("me")
    before = pace(counts, 0.0, principal=1000)
    assert all(passes(before, 0.0) for _ in range(1000))
    assert passes(pace(counts, 0.0, principal=2), 0.5)

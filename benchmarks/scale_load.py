"""The clients of a simulated day: when they come, what for, and how long they stay. All from one seed."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

DAY_SECONDS = 86_400
WARM_UP_SECONDS = 3_600  # before the day; not counted, so that the day begins in the middle of things
BUNDLES = 3_000

_POPULARITY = 1.1  # of Zipf's law
_MEDIAN_SECONDS = 120.0
_MEAN_SECONDS = 360.0
_LONGEST_SECONDS = 7_200.0  # API Gateway cuts a connection after two hours
_BURSTS = 6
_BURST_SECONDS = 10
_BURST_TIMES = 10.0
_SWING = 0.6  # the busiest hour, and the calmest, above and below the mean
_BUSIEST_HOUR = 15.0


@dataclass(frozen=True)
class Load:
    at: list[float]
    """Seconds since the day's begin, sorted; those before it are the warm-up's."""
    bundle: list[int]
    stays: list[float]
    """Seconds."""
    expected_at_first: float
    """Sessions that there would be at the begin of the warm-up, had it begun long ago."""


def make(sessions: int, seed: int) -> Load:
    """Return `sessions` of a day, and in proportion those of the hour before it."""
    random = np.random.default_rng(seed)
    seconds = np.arange(-WARM_UP_SECONDS, DAY_SECONDS)
    hours = seconds / 3600.0 - _BUSIEST_HOUR
    rate = 1 + _SWING * np.cos(hours * (2 * math.pi / 24))
    for begin in random.integers(0, DAY_SECONDS - _BURST_SECONDS, _BURSTS) + WARM_UP_SECONDS:
        rate[begin : begin + _BURST_SECONDS] *= _BURST_TIMES
    rate *= sessions / rate[WARM_UP_SECONDS:].sum()
    before = round(float(rate[:WARM_UP_SECONDS].sum()))
    at = np.concatenate(
        [_moments(random, rate[:WARM_UP_SECONDS], before) - WARM_UP_SECONDS,
         _moments(random, rate[WARM_UP_SECONDS:], sessions)]
    )  # fmt: skip
    shares = np.arange(1, BUNDLES + 1) ** -_POPULARITY
    bundle = np.searchsorted(np.cumsum(shares / shares.sum()), random.random(len(at)))
    spread = math.sqrt(2 * math.log(_MEAN_SECONDS / _MEDIAN_SECONDS))
    stays = np.minimum(random.lognormal(math.log(_MEDIAN_SECONDS), spread, len(at)), _LONGEST_SECONDS)
    bundles = np.minimum(bundle, BUNDLES - 1)
    return Load(at.tolist(), bundles.tolist(), stays.tolist(), float(rate[0]) * _MEAN_SECONDS)


def _moments(
    random: np.random.Generator, rate: npt.NDArray[np.float64], count: int
) -> npt.NDArray[np.float64]:
    """Return `count` sorted moments, as dense as `rate` is in each second."""
    reached = np.concatenate([[0.0], np.cumsum(rate)])
    found = np.interp(np.sort(random.random(count)) * reached[-1], reached, np.arange(len(reached)))
    return np.asarray(found, np.float64)

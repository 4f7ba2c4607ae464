"""Calls of `$default` in the order AWS may run them: any.

API Gateway starts one Lambda per frame and waits for none, so a frame whose function is cold may be handed
over seconds after the one behind it. Here that happens on purpose and repeatably, to test what must not mind.
"""

import random

_SHARE_DELAYED = 0.5
_LONGEST_SECONDS = 0.05  # far beyond the difference between two calls that are not delayed


class Disorder:
    """Delays half of the calls, each by a random time drawn from `seed`."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def delay_seconds(self) -> float:
        if self._random.random() >= _SHARE_DELAYED:
            return 0.0
        return self._random.uniform(0.0, _LONGEST_SECONDS)

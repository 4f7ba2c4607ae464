"""From a session's client to its child: each frame once, in its order, and no more than the child reads."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

from mooring.envelope import Envelope
from mooring.errors import ChildExited, InvalidFrame, LimitReached
from mooring.settings import WorkerSettings
from mooring_worker.gate import Gate, Held
from mooring_worker.quotas import Pace
from mooring_worker.relay import Relay, envelopes_of
from mooring_worker.repeats import Repeats

_REMEMBERED_MESSAGE_IDS = 64  # a repeated POST follows the first within its caller's timeout


class Reader(Protocol):
    """A child, or what stands in for one that is not started yet."""

    @property
    def unread_bytes(self) -> int: ...


class Inbox:
    """`give_again` sends the client a frame that it has had before; only where there are `repeats`.

    Without a `pace` frames may come as fast as they do.
    """

    __slots__ = (
        "_buffer_bytes",
        "_gate",
        "_gate_seconds",
        "_gate_timer",
        "_give_again",
        "_loop",
        "_message_ids",
        "_pace",
        "_relay",
        "_repeats",
    )

    def __init__(
        self,
        relay: Relay,
        settings: WorkerSettings,
        repeats: Repeats | None,
        give_again: Callable[[bytes], None],
        pace: Pace | None = None,
    ) -> None:
        self._relay = relay
        self._buffer_bytes = settings.buffer_bytes
        self._gate_seconds = settings.gate_seconds
        self._repeats = repeats
        self._give_again = give_again
        self._pace = pace
        self._loop = asyncio.get_running_loop()
        self._gate = Gate()
        self._gate_timer: asyncio.TimerHandle | None = None
        self._message_ids: dict[str, None] = {}

    @property
    def held_bytes(self) -> int:
        """Of frames that wait for one that they overtook."""
        return self._gate.held_bytes

    def take(self, frame: bytes, message_id: str, connection: str, hearing: Callable[[], Reader]) -> bool:
        """Pass on a frame that came over `connection`; return False for one that came before.

        `hearing` returns the child, or raises what its client must be told instead. A session that may be
        resumed tells it in band, so that the frame which says so is counted like the others.

        Raises:
            InvalidFrame, LimitReached, and what `hearing` raises.
        """
        if self._repeats is None:
            child = hearing()
            if message_id in self._message_ids:
                return False
            self._admit(frame, envelopes_of(frame), child)
        else:
            if message_id in self._message_ids:
                return False
            self._take_once(frame, connection, hearing, self._repeats)
        if message_id:
            self._remember(message_id)
        return True

    def open(self) -> None:
        """Pass on whatever is held: enough time has passed, or none is left."""
        if self._gate_timer:
            self._gate_timer.cancel()
            self._gate_timer = None
        self._pass(self._gate.open())

    def close(self) -> None:
        if self._gate_timer:
            self._gate_timer.cancel()

    def _take_once(
        self, frame: bytes, connection: str, hearing: Callable[[], Reader], repeats: Repeats
    ) -> None:
        envelopes: Sequence[Envelope] = ()
        try:
            envelopes = envelopes_of(frame)
            again = repeats.take(frame, envelopes, connection, self._loop.time())
            if again is None:
                self._admit(frame, envelopes, hearing())
        except (InvalidFrame, ChildExited, LimitReached) as error:
            self._relay.refuse(envelopes, error)
        else:
            for answer in again or ():
                self._give_again(answer)

    def _admit(self, frame: bytes, envelopes: Sequence[Envelope], child: Reader) -> None:
        waiting_bytes = child.unread_bytes + self._gate.held_bytes
        if waiting_bytes and waiting_bytes + len(frame) > self._buffer_bytes:
            raise LimitReached(
                f"the server does not read its input: {waiting_bytes} bytes wait for it; try again later",
                {"limitBytes": self._buffer_bytes},
            )
        if self._pace:
            self._pace.take(envelopes, self._loop.time())
        self._pass(self._gate.take(frame, envelopes))
        if self._gate.held_bytes and self._gate_timer is None:
            self._gate_timer = self._loop.call_later(self._gate_seconds, self.open)

    def _pass(self, passing: list[Held]) -> None:
        for frame, envelopes in passing:
            self._relay.client_wrote(frame, envelopes)

    def _remember(self, message_id: str) -> None:
        if len(self._message_ids) == _REMEMBERED_MESSAGE_IDS:
            del self._message_ids[next(iter(self._message_ids))]
        self._message_ids[message_id] = None

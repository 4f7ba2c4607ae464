"""What stands in for a child that is not started yet: the lines that wait for it."""

import asyncio

from mooring.errors import BundleUnusable


class Waiting:
    """Whoever adds looks at `unread_bytes` first: it is bounded as a child's own input is."""

    __slots__ = ("_left", "_lines", "unread_bytes")

    def __init__(self) -> None:
        self._lines: list[bytes] = []
        self._left = asyncio.Event()
        self.unread_bytes = 0

    def add(self, line: bytes) -> None:
        self._lines.append(line)
        self.unread_bytes += len(line)

    def take(self) -> list[bytes]:
        """Return the lines, in their order; nothing waits any more."""
        lines, self._lines, self.unread_bytes = self._lines, [], 0
        return lines

    def leave(self) -> None:
        """Nobody wants the child any more."""
        self._left.set()

    async def fetched(self, fetch: "asyncio.Task[None] | None") -> bool:
        """Wait for the child's bundle; return False when the child is wanted no more. Others may want it.

        Raises:
            BundleUnusable: it cannot be had.
        """
        if fetch is None:
            return True
        left = asyncio.create_task(self._left.wait())
        try:
            await asyncio.wait([fetch, left], return_when=asyncio.FIRST_COMPLETED)
        finally:
            left.cancel()
        if self._left.is_set():
            return False
        if fetch.cancelled():
            raise BundleUnusable("the worker stops; connect again")
        fetch.result()
        return True

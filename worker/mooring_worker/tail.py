"""The end of what a child printed: its stderr and the lines of its stdout that are no frames."""

_MAX_LINES = 50
_MAX_BYTES = 16 * 1024


class Tail:
    """Keeps the last 16 KiB written to it."""

    __slots__ = ("_text",)

    def __init__(self) -> None:
        self._text = bytearray()

    def write(self, text: bytes) -> None:
        self._text += text[-_MAX_BYTES:]
        if len(self._text) > 2 * _MAX_BYTES:  # cut rarely: each cut moves what remains
            del self._text[:-_MAX_BYTES]

    def lines(self) -> list[str]:
        """Return the last lines, the oldest first."""
        return self._text[-_MAX_BYTES:].decode(errors="replace").splitlines()[-_MAX_LINES:]

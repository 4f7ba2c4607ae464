"""How far an import has come: a bar where a person looks on, a line now and then where nobody does."""

import shutil
from typing import TextIO

_BAR_CHARACTERS = 24
_LINE_EVERY = 1000  # servers
_CLEAR_LINE = "\r\x1b[K"


class Progress:
    """`total` is how many there are; None: nobody knows."""

    def __init__(self, stream: TextIO, total: int | None = None) -> None:
        self._stream = stream
        self._total = total
        self._done = 0
        self._is_terminal = stream.isatty()

    def advance(self, count: int) -> None:
        before, self._done = self._done, self._done + count
        if self._is_terminal:
            self._draw()
        elif before // _LINE_EVERY != self._done // _LINE_EVERY:
            self._write(f"{self._said()}\n")

    def note(self, line: str) -> None:
        """Print a line of its own; the bar goes on below it."""
        if self._is_terminal:
            self._write(f"{_CLEAR_LINE}{line}\n")
            self._draw()
        else:
            self._write(f"{line}\n")

    def end(self) -> None:
        """Take the bar away."""
        if self._is_terminal:
            self._write(_CLEAR_LINE)

    def _said(self) -> str:
        return f"{self._done} servers" if self._total is None else f"{self._done} of {self._total} servers"

    def _draw(self) -> None:
        line = f"[{self._bar()}] {self._said()}"
        self._write(_CLEAR_LINE + line[: shutil.get_terminal_size().columns - 1])

    def _bar(self) -> str:
        if self._total:
            filled = min(self._done, self._total) * _BAR_CHARACTERS // self._total
            return "#" * filled + "-" * (_BAR_CHARACTERS - filled)
        # Nobody knows how many are to come: a mark that moves says that it goes on.
        at = self._done // 100 % _BAR_CHARACTERS
        return "-" * at + "#" + "-" * (_BAR_CHARACTERS - at - 1)

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()

"""The frames that Mooring itself writes into a session."""

from typing import Literal

from mooring import jsonrpc
from mooring.errors import MooringError

_LINE_BREAKS = bytes.maketrans(b"\r\n", b"  ")


def one_line(frame: bytes) -> bytes:
    """Return `frame` as one line. In JSON a raw line break can only be whitespace between tokens."""
    if b"\n" in frame or b"\r" in frame:
        return frame.translate(_LINE_BREAKS)
    return frame


def error(id_text: bytes, problem: MooringError) -> bytes:
    """Return the response that gives `problem` to the request with this id (JSON text)."""
    return jsonrpc.error_frame(id_text.decode(), problem.as_jsonrpc()).encode()


def log(level: Literal["warning", "error"], text: str) -> bytes:
    """Return the notification that tells a client something no request of its own asked for."""
    return jsonrpc.log_frame(level, text).encode()

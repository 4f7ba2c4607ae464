"""What the relay reads of a frame: its id and its method, and nothing else (no I/O)."""

import msgspec

from mooring.errors import InvalidFrame

_ABSENT = msgspec.Raw(b"")


class Envelope(msgspec.Struct, gc=False):
    """The two members that routing needs. `id` is JSON text as sent; empty when there is none."""

    id: msgspec.Raw = _ABSENT
    method: str = ""

    @property
    def is_request(self) -> bool:
        return bool(self.method) and bool(self.id)

    @property
    def is_response(self) -> bool:
        return not self.method and bool(self.id)


class _Cancelled(msgspec.Struct):
    requestId: msgspec.Raw = _ABSENT


class _CancelledFrame(msgspec.Struct):
    params: _Cancelled = msgspec.field(default_factory=_Cancelled)


class _Meta(msgspec.Struct):
    protocol_version: msgspec.Raw = msgspec.field(
        name="io.modelcontextprotocol/protocolVersion", default=_ABSENT
    )


class _MetaParams(msgspec.Struct):
    meta: _Meta = msgspec.field(name="_meta", default_factory=_Meta)


class _MetaFrame(msgspec.Struct):
    params: _MetaParams = msgspec.field(default_factory=_MetaParams)


_message = msgspec.json.Decoder(Envelope)
_batch = msgspec.json.Decoder(list[Envelope])
_cancelled = msgspec.json.Decoder(_CancelledFrame)
_meta = msgspec.json.Decoder(_MetaFrame)


def peek(frame: bytes) -> Envelope | list[Envelope]:
    """Return the envelope of one JSON-RPC message, or those of a batch.

    The whole of `frame` is checked to be JSON, without building what it holds.

    Raises:
        InvalidFrame: not UTF-8, not JSON, or neither an object nor an array of objects.
    """
    try:
        frame.decode()  # the decoder skips over strings it is not asked for
        if frame.lstrip()[:1] == b"[":
            return _batch.decode(frame)
        return _message.decode(frame)
    except (UnicodeDecodeError, msgspec.DecodeError, RecursionError) as error:
        raise InvalidFrame(f"the frame is not a JSON-RPC message: {error}") from error


def cancelled_id(frame: bytes) -> bytes:
    """Return the JSON text of the id that a `notifications/cancelled` frame names; empty if none."""
    try:
        return bytes(_cancelled.decode(frame).params.requestId)
    except msgspec.DecodeError:
        return b""


def is_self_contained(frame: bytes) -> bool:
    """Return whether a frame names its protocol version itself, as those of 2026-07-28 and later do."""
    try:
        return bool(_meta.decode(frame).params.meta.protocol_version)
    except msgspec.DecodeError:
        return False


def spelling(id_text: bytes) -> bytes:
    """Return one spelling for all of an id: `"é"` may come back as `"\\u00e9"`, and `1.0` as `1`."""
    if id_text.isdigit() or id_text[:1] not in b'"-0123456789':
        return id_text
    try:
        value = msgspec.json.decode(id_text)
    except msgspec.DecodeError:  # a number out of range
        return id_text
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return msgspec.json.encode(value)

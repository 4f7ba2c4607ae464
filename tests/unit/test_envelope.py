import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mooring.envelope import Envelope, cancelled_id, peek
from mooring.errors import InvalidFrame


def one(frame: bytes) -> Envelope:
    envelope = peek(frame)
    assert isinstance(envelope, Envelope)
    return envelope


@pytest.mark.parametrize(
    "id_text", [b"1", b"1.0", b"-3", b'"1"', b'"\\u00e9"', b"null", b"123456789012345678901234567890"]
)
def test_an_id_is_its_json_text(id_text: bytes) -> None:
    envelope = one(b'{"jsonrpc":"2.0","id":' + id_text + b',"method":"tools/call","params":{"a":[1,{}]}}')
    assert bytes(envelope.id) == id_text
    assert envelope.is_request
    assert not envelope.is_response


def test_a_notification_is_neither_request_nor_response() -> None:
    envelope = one(b'{"jsonrpc":"2.0","method":"notifications/initialized"}')
    assert not envelope.is_request
    assert not envelope.is_response


def test_a_batch_has_an_envelope_for_each_member() -> None:
    batch = peek(b' [{"id":1,"method":"a"},{"id":2,"result":{}}]')
    assert isinstance(batch, list)
    assert [envelope.is_request for envelope in batch] == [True, False]


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"nope",
        b"3",
        b'"x"',
        b'{"id":1',
        b'{"id":1,"x":[1,]}',
        b'{"a":1} {}',
        b'{"x":"\xff"}',
        b"[1]",
        b'{"x":NaN}',
    ],
)
def test_what_is_not_json_rpc_is_refused(frame: bytes) -> None:
    with pytest.raises(InvalidFrame):
        peek(frame)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), json_values), st.integers() | st.text())
def test_whatever_else_a_frame_holds_its_id_and_method_are_found(
    members: dict[str, object], request_id: object
) -> None:
    frame = json.dumps({**members, "id": request_id, "method": "m"}).encode()
    envelope = one(frame)
    assert json.loads(bytes(envelope.id)) == request_id
    assert envelope.method == "m"


def test_a_cancellation_names_the_request_it_cancels() -> None:
    assert (
        cancelled_id(b'{"method":"notifications/cancelled","params":{"requestId":"a","reason":"x"}}')
        == b'"a"'
    )
    assert cancelled_id(b'{"method":"notifications/cancelled"}') == b""
    assert cancelled_id(b'{"method":"notifications/cancelled","params":3}') == b""

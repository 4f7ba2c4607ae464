import pytest

from mooring import errors
from mooring.client.refusals import refusal
from mooring.errors import MooringError


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, errors.Unauthorized),
        (403, errors.Forbidden),
        (404, errors.ServerNotFound),
        (409, errors.NotDeployed),
        (413, errors.FrameTooLarge),
        (422, errors.InvalidRequest),
        (429, errors.LimitReached),
        (503, errors.WorkerUnavailable),
        (500, MooringError),
        (599, MooringError),
    ],
)
@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b'{"message":"Forbidden"}', b'{"error":"ValueError"}']
)
def test_an_answer_of_something_else_is_known_by_its_status(
    status: int, kind: type[MooringError], body: bytes
) -> None:
    assert type(refusal(status, body)) is kind


def test_the_name_in_the_body_says_more_than_the_status() -> None:
    error = refusal(409, b'{"error":"Conflict","message":"others were faster","server":"a/b"}')

    assert type(error) is errors.Conflict
    assert error.message == "others were faster"
    assert error.data == {"server": "a/b"}


@pytest.mark.parametrize(
    ("retry_after", "data"),
    [("7", {"retryAfterSeconds": 7}), ("soon", None), ("Wed, 21 Oct 2015 07:28:00 GMT", None), (None, None)],
)
def test_the_header_says_when_to_try_again(retry_after: str | None, data: dict[str, int] | None) -> None:
    assert refusal(503, b"", retry_after).data == data


def test_the_body_says_it_first() -> None:
    assert refusal(503, b'{"retryAfterSeconds":2}', "7").data == {"retryAfterSeconds": 2}

from typing import Any

import pytest

from mooring_local.gateway.answer import Answer


def test_a_proxy_response_is_read() -> None:
    assert Answer.read({"statusCode": 401, "headers": {"A": "b"}, "body": "no"}) == Answer(
        401, {"A": "b"}, "no"
    )


@pytest.mark.parametrize(
    "returned", [{"statusCode": 200}, {"statusCode": 200, "headers": None, "body": None}]
)
def test_headers_and_body_may_be_absent(returned: dict[str, Any]) -> None:
    assert Answer.read(returned) == Answer(200, {}, "")


@pytest.mark.parametrize(
    "returned",
    [
        None,
        "ok",
        {},
        {"statusCode": "200"},
        {"statusCode": 101},
        {"statusCode": 600},
        {"statusCode": 200, "body": {"a": 1}},
        {"statusCode": 200, "headers": ["a"]},
        {"statusCode": 200, "headers": {"a": 1}},
        {"statusCode": 200, "headers": {"a": "x\r\ny: z"}},
        {"statusCode": 200, "headers": {"a b": "x"}},
        {"statusCode": 200, "headers": {"a": "\u2026"}},
    ],
)
def test_anything_else_is_no_answer(returned: Any) -> None:
    with pytest.raises(ValueError):
        Answer.read(returned)


def test_a_header_is_found_in_any_letter_case() -> None:
    assert Answer(200, {"Sec-WebSocket-Protocol": "mcp"}, "").header("sec-websocket-protocol") == "mcp"
    assert Answer(200, {}, "").header("sec-websocket-protocol") is None

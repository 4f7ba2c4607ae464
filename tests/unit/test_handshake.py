import json

import pytest

from mooring.errors import InvalidConfig, Unauthorized, WorkerUnavailable
from mooring.handshake import acceptance, refusal


@pytest.mark.parametrize("name", ["Sec-WebSocket-Protocol", "sec-websocket-protocol"])
@pytest.mark.parametrize("offer", ["mcp", "other, mcp", "mcp,other"])
def test_the_subprotocol_of_the_stock_clients_is_selected_where_it_is_offered(name: str, offer: str) -> None:
    assert acceptance({name: offer}) == {"statusCode": 200, "headers": {"Sec-WebSocket-Protocol": "mcp"}}


@pytest.mark.parametrize("headers", [{}, {"Sec-WebSocket-Protocol": "mcp2, other"}, {"X": "mcp"}])
def test_none_is_selected_that_was_not_offered(headers: dict[str, str]) -> None:
    assert acceptance(headers) == {"statusCode": 200, "headers": {}}


def test_a_refusal_is_a_status_with_a_body_that_says_what_to_change() -> None:
    answer = refusal(InvalidConfig("config does not fit", {"errors": [{"pointer": "/a", "reason": "x"}]}))
    assert answer["statusCode"] == 422
    assert answer["headers"] == {"Content-Type": "application/json"}
    assert json.loads(answer["body"])["errors"] == [{"pointer": "/a", "reason": "x"}]


def test_a_client_without_a_key_learns_the_scheme_and_one_without_room_the_time() -> None:
    assert refusal(Unauthorized("no"))["headers"]["WWW-Authenticate"] == "Bearer"
    assert refusal(WorkerUnavailable("full", {"retryAfterSeconds": 2}))["headers"]["Retry-After"] == "2"

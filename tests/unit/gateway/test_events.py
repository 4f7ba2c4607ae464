"""The events, against samples that AWS and its users have published."""

import re
from typing import Any

from mooring_local.gateway import events
from mooring_local.gateway.events import Api

AT = 1795216246.5  # 20 November 2026, 23:10:46.5 UTC
CONTEXT = events.connection_context(
    Api("prod", "abcd123456", "abcd123456.execute-api.eu-west-1.amazonaws.com"),
    "L0SM9cOFvHcCIhw=",
    AT - 10,
    "192.0.2.1",
    "agent/1",
)
SHARED = {
    "messageDirection": "IN",
    "stage": "prod",
    "connectedAt": 1795216236500,
    "identity": {"sourceIp": "192.0.2.1", "userAgent": "agent/1"},
    "domainName": "abcd123456.execute-api.eu-west-1.amazonaws.com",
    "connectionId": "L0SM9cOFvHcCIhw=",
    "apiId": "abcd123456",
    "requestId": "request=",
    "extendedRequestId": "request=",
    "requestTime": "20/Nov/2026:23:10:46 +0000",
    "requestTimeEpoch": 1795216246500,
}


def connect(query: str = "", *headers: tuple[str, str]) -> dict[str, Any]:
    return events.connect(CONTEXT, "request=", AT, query, headers)


def test_connect_has_the_fields_of_aws() -> None:
    assert connect("a=1", ("Host", "h")) == {
        "headers": {"Host": "h"},
        "multiValueHeaders": {"Host": ["h"]},
        "queryStringParameters": {"a": "1"},
        "multiValueQueryStringParameters": {"a": ["1"]},
        "requestContext": {**SHARED, "routeKey": "$connect", "eventType": "CONNECT"},
        "isBase64Encoded": False,
    }


def test_headers_keep_their_letter_case_and_repeats() -> None:
    event = connect("", ("X-One", "a"), ("X-One", "b"), ("sec-websocket-KEY", "k"))
    assert event["headers"] == {"X-One": "b", "sec-websocket-KEY": "k"}
    assert event["multiValueHeaders"] == {"X-One": ["a", "b"], "sec-websocket-KEY": ["k"]}


def test_the_headers_of_the_upgrade_itself_are_not_shown() -> None:
    assert connect("", ("Connection", "Upgrade"), ("upgrade", "websocket"))["headers"] == {}


def test_parameters_are_decoded_and_the_last_of_a_repeated_one_counts() -> None:
    event = connect("name=%40a%2Fb+c&k=1&k=2&empty=")
    assert event["queryStringParameters"] == {"name": "@a/b c", "k": "2", "empty": ""}
    assert event["multiValueQueryStringParameters"] == {"name": ["@a/b c"], "k": ["1", "2"], "empty": [""]}


def test_without_a_query_there_are_no_query_fields() -> None:
    assert "queryStringParameters" not in connect()
    assert "multiValueQueryStringParameters" not in connect()


def test_a_message_has_a_body_and_no_headers() -> None:
    assert events.message(CONTEXT, "request=", AT, "message=", '{"id":1}') == {
        "requestContext": {
            **SHARED,
            "routeKey": "$default",
            "eventType": "MESSAGE",
            "messageId": "message=",
        },
        "body": '{"id":1}',
        "isBase64Encoded": False,
    }


def test_disconnect_tells_code_and_reason() -> None:
    event = events.disconnect(CONTEXT, "request=", AT, 1001, "Going away")
    assert event["requestContext"] == {
        **SHARED,
        "routeKey": "$disconnect",
        "eventType": "DISCONNECT",
        "disconnectStatusCode": 1001,
        "disconnectReason": "Going away",
    }
    host = "abcd123456.execute-api.eu-west-1.amazonaws.com"
    assert event["headers"] == {"Host": host, "x-api-key": "", "X-Forwarded-For": "", "x-restapi": ""}
    assert event["multiValueHeaders"]["Host"] == [host]
    assert event["isBase64Encoded"] is False


def test_events_of_one_connection_do_not_share_what_differs() -> None:
    first = events.message(CONTEXT, "1=", AT, "m1=", "")
    second = events.message(CONTEXT, "2=", AT + 1, "m2=", "")
    assert first["requestContext"]["requestId"] == "1="
    assert second["requestContext"]["requestTime"] == "20/Nov/2026:23:10:47 +0000"


def test_a_client_without_user_agent_has_none() -> None:
    context = events.connection_context(Api(), "id=", AT, "192.0.2.1", None)
    assert context["identity"] == {"sourceIp": "192.0.2.1"}


def test_ids_look_like_those_of_aws_and_differ() -> None:
    ids = {events.new_id() for _ in range(100)}
    assert len(ids) == 100
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{15}=", id_) for id_ in ids)

"""What a service's answers mean, and which of them are asked for again."""

import json
from collections.abc import Iterator

import pytest

from mooring.aws_json import AwsError, AwsService
from mooring.settings import AwsSettings
from tests.unit.loopback import serving

AWS = AwsSettings.read(
    {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "eu-west-1"}
)


class Refused(AwsError):
    pass


class Endpoint:
    """Answers in turn what it is given, the last answer for ever."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, bytes]] = [(200, b"{}")]
        self.seen: list[tuple[str, str, dict[str, str], bytes]] = []

    def answer(self, method: str, target: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        self.seen.append((method, target, headers, body))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@pytest.fixture
def endpoint() -> Endpoint:
    return Endpoint()


@pytest.fixture
def service(endpoint: Endpoint) -> Iterator[AwsService]:
    with serving(endpoint.answer) as url:
        yield service_at(url)


def service_at(url: str) -> AwsService:
    return AwsService(
        "dynamodb",
        url,
        AWS,
        content_type="application/x-amz-json-1.0",
        target_prefix="DynamoDB_20120810",
        errors={"RefusedException": Refused},
        patience_seconds=0.2,
    )


def problem(code: str) -> bytes:
    return json.dumps({"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": "why"}).encode()


def test_a_call_names_its_operation_and_is_signed(service: AwsService, endpoint: Endpoint) -> None:
    endpoint.answers = [(200, b'{"Item": {}}')]
    assert service.call("GetItem", {"TableName": "t", "Key": {"k": {"B": b"\x00\xff"}}}) == b'{"Item": {}}'
    ((method, target, headers, body),) = endpoint.seen
    assert (method, target) == ("POST", "/")
    assert headers["x-amz-target"] == "DynamoDB_20120810.GetItem"
    assert headers["content-type"] == "application/x-amz-json-1.0"
    assert "Credential=AKID/" in headers["authorization"]
    assert "/eu-west-1/dynamodb/aws4_request" in headers["authorization"]
    assert json.loads(body) == {"TableName": "t", "Key": {"k": {"B": "AP8="}}}


@pytest.mark.parametrize(
    "failure",
    [
        (500, problem("InternalServerError")),
        (503, b"<html>Service Unavailable</html>"),
        (400, problem("ProvisionedThroughputExceededException")),
        (400, problem("ThrottlingException")),
    ],
    ids=["500", "503 of a proxy", "throughput", "throttling"],
)
def test_a_failure_that_passes_is_not_seen(
    service: AwsService, endpoint: Endpoint, failure: tuple[int, bytes]
) -> None:
    endpoint.answers = [failure, failure, (200, b"{}")]
    assert service.call("GetItem", {}) == b"{}"
    assert len({body for *_, body in endpoint.seen}) == 1


def test_a_failure_that_lasts_is_raised_after_bounded_attempts(
    service: AwsService, endpoint: Endpoint
) -> None:
    endpoint.answers = [(400, problem("ThrottlingException"))]
    with pytest.raises(AwsError) as raised:
        service.call("GetItem", {})
    assert raised.value.code == "ThrottlingException"
    assert len(endpoint.seen) > 1


@pytest.mark.parametrize(("code", "kind"), [("RefusedException", Refused), ("ValidationException", AwsError)])
def test_a_refusal_is_raised_at_once_as_what_callers_know(
    service: AwsService, endpoint: Endpoint, code: str, kind: type[AwsError]
) -> None:
    endpoint.answers = [(400, problem(code))]
    with pytest.raises(AwsError) as raised:
        service.call("PutItem", {})
    assert (type(raised.value), raised.value.code) == (kind, code)
    assert len(endpoint.seen) == 1


@pytest.mark.parametrize("body", [b"", b"[]", b'{"__type": 1}', b"\xff"])
def test_an_answer_that_is_no_error_of_aws_is_one_all_the_same(
    service: AwsService, endpoint: Endpoint, body: bytes
) -> None:
    endpoint.answers = [(403, body)]
    with pytest.raises(AwsError) as raised:
        service.call("PutItem", {})
    assert raised.value.code == "403"


def test_an_endpoint_that_cannot_be_reached_is_an_os_error() -> None:
    with serving(lambda *request: (200, b"")) as url:
        pass
    with pytest.raises(OSError):
        service_at(url).call("GetItem", {})


def test_what_json_cannot_say_is_refused_before_anything_is_sent(
    service: AwsService, endpoint: Endpoint
) -> None:
    with pytest.raises(TypeError):
        service.call("PutItem", {"Item": {"at": object()}})
    assert endpoint.seen == []

"""The API of Lambda MicroVMs, and what is decided before one is started."""

import json
from typing import Any

import pytest

from mooring.errors import InvalidRequest, NotDeployed
from mooring.microvm_api import MicrovmApi, Refused
from mooring.microvm_start import chosen
from mooring.microvms import Door, Microvms
from mooring.servers import Server
from mooring.settings import AwsSettings
from mooring.worker_reports import Report
from tests.unit.loopback import serving


def aws(url: str) -> AwsSettings:
    return AwsSettings("eu-west-1", "AK", "secret", "", "", lambda_url=url)


def server(*, isolated: bool) -> Server:
    return Server(
        qualified_name="a/b", display_name="", created_at="", updated_at="", version=1, isolated=isolated
    )


def test_an_address_names_the_endpoint_the_microvm_and_the_session() -> None:
    door = Door("https://x.lambda-microvm.eu-west-1.on.aws", "mvm-1", "s1")
    assert Door.read(door.address) == door
    assert Door.read("http://10.0.0.1:8080") is None


def test_a_start_that_is_throttled_is_tried_again_with_the_same_token() -> None:
    orders: list[dict[str, Any]] = []

    def answer(method: str, target: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        if (method, target) != ("POST", "/2025-09-09/microvms"):
            return (200, b'{"authToken": {"X-aws-proxy-auth": "t"}}') if method == "POST" else (200, b"")
        orders.append(json.loads(body))
        return (429, b"{}") if len(orders) == 1 else (200, json.dumps(started).encode())

    started = {"microvmId": "mvm-1", "endpoint": "", "state": "PENDING"}
    with serving(answer) as url:
        started["endpoint"] = url
        engine = Microvms(MicrovmApi(aws(url)), "secret", image="arn:i", url="https://m/_/callback")
        assert engine.start("s1", "c1=").microvm_id == "mvm-1"
    assert [order["clientToken"] for order in orders] == ["s1.c1=", "s1.c1="]
    assert json.loads(orders[0]["runHookPayload"])["callback"] == "https://m/_/callback/s1"
    assert "egressNetworkConnectors" not in orders[0]


def test_a_microvm_that_aws_does_not_know_counts_as_terminated() -> None:
    with serving(lambda *_: (404, b"{}")) as url:
        api = MicrovmApi(aws(url))
        assert api.state("mvm-1") == "TERMINATED"
        api.terminate("mvm-1")
        with pytest.raises(Refused, match="404"):
            api.token("mvm-1", 60)


@pytest.mark.parametrize(
    ("isolated", "engine", "is_microvm"),
    [(False, "both", False), (True, "both", True), (False, "microvm", True)],
)
def test_the_engine_and_the_server_say_where_a_session_runs(
    isolated: bool, engine: str, is_microvm: bool
) -> None:
    isolation: Any = object()
    assert (chosen(server(isolated=isolated), isolation, engine) is isolation) == is_microvm


def test_an_isolated_server_is_refused_where_there_are_no_microvms() -> None:
    assert chosen(server(isolated=False), None, "pool") is None
    with pytest.raises(NotDeployed, match="engine microvm or both"):
        chosen(server(isolated=True), None, "pool")


@pytest.mark.parametrize("body", [b"", b"[]", b"nonsense"])
def test_a_report_begins_with_an_object(body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        Report.read(body)


def test_a_report_s_frame_is_left_as_it_is() -> None:
    assert Report.read(b'{"do": "post"}\n{"a": 1}').frame == b'{"a": 1}'

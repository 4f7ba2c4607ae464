from urllib.parse import unquote

import pytest

from mooring.connections import Connections
from mooring.errors import ConnectionGone, WorkerUnavailable
from mooring.settings import AwsSettings
from tests.unit.loopback import serving

AWS = AwsSettings.read(
    {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "eu-west-1"}
)


def test_a_frame_is_posted_to_its_connection_signed_and_encoded() -> None:
    seen = []

    def answer(method: str, target: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        seen.append((method, target, body))
        assert headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKID/")
        assert "/eu-west-1/execute-api/aws4_request" in headers["authorization"]
        return 200, b""

    with serving(answer) as url:
        connections = Connections(f"{url}/prod", AWS)
        connections.post("a/b+c=", '{"é":1}')
        connections.close("a/b+c=")
    assert seen == [
        ("POST", "/prod/@connections/a%2Fb%2Bc%3D", '{"é":1}'.encode()),
        ("DELETE", "/prod/@connections/a%2Fb%2Bc%3D", b""),
    ]


def test_a_client_that_has_left_is_told_apart_from_an_api_that_fails() -> None:
    with serving(lambda *request: (410, b"")) as url, pytest.raises(ConnectionGone):
        Connections(url, AWS).post("c=", "{}")
    with serving(lambda *request: (500, b"")) as url, pytest.raises(WorkerUnavailable):
        Connections(url, AWS).post("c=", "{}")


def test_a_connection_is_open_until_the_api_says_that_it_is_gone() -> None:
    answers = {"here=": 200, "gone=": 410, "unclear=": 429}

    def answer(method: str, target: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        assert method == "GET"
        return answers[unquote(target.rpartition("/")[2])], b"{}"

    with serving(answer) as url:
        connections = Connections(url, AWS)
        assert connections.is_open("here=")
        assert not connections.is_open("gone=")
        with pytest.raises(WorkerUnavailable):
            connections.is_open("unclear=")

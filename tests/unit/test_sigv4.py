"""Our signer against botocore's: the same headers for the same request at the same time."""

import datetime
from unittest.mock import patch
from urllib.parse import parse_qs

import pytest
from botocore.auth import S3SigV4QueryAuth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials

from mooring.connections import canonical, connection_path
from mooring.sigv4 import Credentials, Signer

AT = datetime.datetime(2026, 11, 20, 12, 0, 1, tzinfo=datetime.UTC)


@pytest.mark.parametrize("token", ["", "session/token+with=signs"])
@pytest.mark.parametrize("connection_id", ["L0SM9cOFvHcCIhw=", "a-b_c="])
@pytest.mark.parametrize("body", [b"", b'{"jsonrpc":"2.0"}', b"\xc3\xa9" * 5000])
def test_a_post_to_a_connection_is_signed_as_botocore_signs_it(
    token: str, connection_id: str, body: bytes
) -> None:
    host, path = "abc.execute-api.eu-west-1.amazonaws.com", connection_path("/prod", connection_id)
    theirs = AWSRequest("POST", f"https://{host}{path}", data=body, headers={"Host": host})
    with patch("botocore.auth.get_current_datetime", return_value=AT.replace(tzinfo=None)):
        SigV4Auth(BotocoreCredentials("AKID", "secret", token or None), "execute-api", "eu-west-1").add_auth(
            theirs
        )

    signer = Signer(Credentials("AKID", "secret", token), "eu-west-1", "execute-api")
    ours = signer.headers("POST", host, canonical(path), body, at=AT.timestamp())

    assert ours["authorization"] == theirs.headers["Authorization"]
    assert ours["x-amz-date"] == theirs.headers["X-Amz-Date"]


def test_a_dynamodb_call_is_signed_as_botocore_signs_it() -> None:
    host, body = "dynamodb.us-east-1.amazonaws.com", b'{"TableName":"mooring-workers"}'
    extra = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "DynamoDB_20120810.PutItem"}
    theirs = AWSRequest("POST", f"https://{host}/", data=body, headers={"Host": host, **extra})
    with patch("botocore.auth.get_current_datetime", return_value=AT.replace(tzinfo=None)):
        SigV4Auth(BotocoreCredentials("AKID", "secret"), "dynamodb", "us-east-1").add_auth(theirs)

    ours = Signer(Credentials("AKID", "secret"), "us-east-1", "dynamodb").headers(
        "POST", host, "/", body, extra, at=AT.timestamp()
    )

    assert ours["authorization"] == theirs.headers["Authorization"]


def test_the_key_of_one_day_is_not_used_on_the_next() -> None:
    signer = Signer(Credentials("AKID", "secret"), "us-east-1", "dynamodb")
    today = signer.headers("POST", "h", "/", b"", at=AT.timestamp())["authorization"]
    tomorrow = signer.headers("POST", "h", "/", b"", at=AT.timestamp() + 86_400)["authorization"]
    assert "20261120/" in today
    assert "20261121/" in tomorrow
    assert today.rpartition("=")[2] != tomorrow.rpartition("=")[2]


def test_a_secret_never_shows_in_the_text_of_credentials() -> None:
    assert "secret" not in repr(Credentials("AKID", "the-secret-key", "the-secret-token")).replace(
        "secret_", ""
    )


@pytest.mark.parametrize("token", ["", "session/token+with=signs"])
@pytest.mark.parametrize("headers", [{}, {"content-length": "12", "if-none-match": "*", "x-amz-meta": "a b"}])
@pytest.mark.parametrize("host", ["bundles.s3.eu-west-1.amazonaws.com", "127.0.0.1:4566"])
def test_a_presigned_url_is_signed_as_botocore_signs_it(
    host: str, headers: dict[str, str], token: str
) -> None:
    path = "/prefix/0abc.tar.gz"
    theirs = AWSRequest("PUT", f"https://{host}{path}", headers={"Host": host, **headers})
    with patch("botocore.auth.get_current_datetime", return_value=AT.replace(tzinfo=None)):
        credentials = BotocoreCredentials("AKID", "secret", token or None)
        S3SigV4QueryAuth(credentials, "s3", "eu-west-1", expires=300).add_auth(theirs)

    signer = Signer(Credentials("AKID", "secret", token), "eu-west-1", "s3")
    ours = signer.query("PUT", host, path, 300, headers, at=AT.timestamp())

    assert parse_qs(ours) == parse_qs(theirs.url.partition("?")[2])

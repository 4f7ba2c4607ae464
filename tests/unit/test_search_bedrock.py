"""Bedrock as its documentation records it: InvokeModel of Titan Text Embeddings V2, on a loopback server."""

import json
import zlib
from collections.abc import Iterator

import numpy as np
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from mooring.search import bedrock, models
from mooring.search.bedrock import Bedrock
from mooring.search.encoder import EncoderUnavailable
from mooring.search.index import Index
from mooring.search.query import parse
from mooring.settings import AwsSettings
from tests.unit.loopback import serving
from tests.unit.search_world import document, found


class Titan:
    """Answers in turn with `failures`, then as the model does."""

    def __init__(self) -> None:
        self.failures: list[tuple[int, bytes]] = []
        self.seen: list[tuple[str, str, dict[str, str], bytes]] = []

    def answer(self, method: str, target: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        self.seen.append((method, target, headers, body))
        if self.failures:
            return self.failures.pop(0)
        asked = json.loads(body)
        assert asked.keys() == {"inputText", "dimensions", "normalize"}
        assert asked["inputText"] and asked["dimensions"] in (256, 512, 1024)
        chance = np.random.default_rng(zlib.crc32(asked["inputText"].encode()))
        vector = chance.normal(size=asked["dimensions"])
        if asked["normalize"]:
            vector /= np.linalg.norm(vector)
        numbers = vector.tolist()
        answer = {
            "embedding": numbers,
            "embeddingsByType": {"float": numbers},
            "inputTextTokenCount": len(asked["inputText"].split()),
        }
        return 200, json.dumps(answer).encode()


@pytest.fixture
def titan() -> Titan:
    return Titan()


@pytest.fixture
def encoder(titan: Titan, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bedrock]:
    monkeypatch.setattr(bedrock, "_FIRST_BACKOFF_SECONDS", 0.001)
    with serving(titan.answer) as url:
        yield Bedrock(
            AwsSettings.read(
                {
                    "AWS_ACCESS_KEY_ID": "AKID",
                    "AWS_SECRET_ACCESS_KEY": "secret",
                    "AWS_REGION": "eu-west-1",
                    "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": url,
                }
            )
        )


def test_a_text_is_one_signed_call_of_the_model(encoder: Bedrock, titan: Titan) -> None:
    vectors = encoder.encode(["send an email"])
    assert vectors.shape == (1, 512)
    assert np.linalg.norm(vectors) == pytest.approx(1)
    ((method, target, headers, body),) = titan.seen
    assert (method, target) == ("POST", "/model/amazon.titan-embed-text-v2%3A0/invoke")
    assert json.loads(body) == {"inputText": "send an email", "dimensions": 512, "normalize": True}
    assert headers["content-type"] == headers["accept"] == "application/json"
    assert "/eu-west-1/bedrock/aws4_request" in headers["authorization"]


def test_the_signature_is_the_one_that_boto3_would_send(encoder: Bedrock, titan: Titan) -> None:
    encoder.encode(["x"])
    ((method, target, headers, body),) = titan.seen
    signed = headers["authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
    request = AWSRequest(
        method, f"http://{headers['host']}{target}", {name: headers[name] for name in signed}, body
    )
    request.context["timestamp"] = headers["x-amz-date"]
    signer = SigV4Auth(Credentials("AKID", "secret"), "bedrock", "eu-west-1")
    text = signer.string_to_sign(request, signer.canonical_request(request))
    assert headers["authorization"].endswith(f"Signature={signer.signature(text, request)}")


def test_vectors_are_in_the_order_of_their_texts(encoder: Bedrock) -> None:
    texts = [f"text {number}" for number in range(20)]
    alone = [encoder.encode([text])[0] for text in texts]
    assert np.array_equal(encoder.encode(texts), np.array(alone))


def test_a_text_without_a_word_is_not_asked_about(encoder: Bedrock, titan: Titan) -> None:
    assert not encoder.encode([" ", ""]).any()
    assert titan.seen == []


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_passing_failure_is_tried_again(encoder: Bedrock, titan: Titan, status: int) -> None:
    titan.failures = [(status, b'{"message":"Too many requests"}')] * 2
    assert encoder.encode(["x"]).any()
    assert len(titan.seen) == 3


def test_a_refusal_is_not_tried_again(encoder: Bedrock, titan: Titan) -> None:
    titan.failures = [(403, b'{"message":"no access to the model"}')] * 2
    with pytest.raises(EncoderUnavailable, match="403"):
        encoder.encode(["x"])
    assert len(titan.seen) == 1


@pytest.mark.parametrize("answer", [b"", b"[]", b"{}", b'{"embedding":[1,2]}', b'{"embedding":"x"}'])
def test_an_answer_without_an_embedding_is_a_failure(encoder: Bedrock, titan: Titan, answer: bytes) -> None:
    titan.failures = [(200, answer)]
    with pytest.raises(EncoderUnavailable):
        encoder.encode(["x"])


def test_queries_are_answered_by_words_while_there_are_no_vectors(encoder: Bedrock, titan: Titan) -> None:
    index = Index.build([document("a/tides", "tides"), document("b/oak", "oaks")], encoder)
    titan.failures = [(503, b"")] * 20
    assert found(index, "tides") == ["a/tides"]
    assert index.search(parse("nothing of it"), 0, 9).total == 0


def test_it_is_the_encoder_of_its_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    assert models.encoder("bedrock").id == "bedrock:amazon.titan-embed-text-v2:0:512"

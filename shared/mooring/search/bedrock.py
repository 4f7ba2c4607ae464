"""Amazon Titan Text Embeddings V2 on Bedrock: by setting, for meaning across languages at a call per text."""

import json
import random
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from mooring.origin import Origin
from mooring.search.encoder import EncoderUnavailable
from mooring.settings import AwsSettings
from mooring.sigv4 import Credentials, Signer

MODEL = "amazon.titan-embed-text-v2:0"
_TARGET = "/model/amazon.titan-embed-text-v2%3A0/invoke"
_SIGNED_PATH = "/model/amazon.titan-embed-text-v2%253A0/invoke"  # what is signed is encoded once more
_MAX_CHARACTERS = 20_000  # of 50,000, and 8,192 tokens
_TIMEOUT_SECONDS = 5.0
_AT_ONCE = 8
_TRANSIENT = frozenset({408, 429, 500, 502, 503, 504})
_ATTEMPTS = 4
_FIRST_BACKOFF_SECONDS = 0.1


class Bedrock:
    dimensions = 512
    floor = 0.1
    """Cosines up to here say nothing."""
    close = 0.4
    """Cosine of a text that surely answers a query."""

    def __init__(self, aws: AwsSettings) -> None:
        self.id = f"bedrock:{MODEL}:{self.dimensions}"
        self._origin = Origin(aws.bedrock_url, timeout_seconds=_TIMEOUT_SECONDS)
        credentials = Credentials(aws.access_key, aws.secret_key, aws.session_token)
        self._signer = Signer(credentials, aws.region, "bedrock")

    def __contains__(self, word: str) -> bool:
        return False

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one vector of length 1 per text, 0 for a text without a word.

        Raises:
            EncoderUnavailable: Bedrock refused a call, or did not answer it.
        """
        vectors = np.zeros((len(texts), self.dimensions), np.float32)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for row, vector in enumerate(pool.map(self._encode_one, texts)):
                vectors[row] = vector
        return vectors

    def _encode_one(self, text: str) -> NDArray[np.float32]:
        if not text.strip():
            return np.zeros(self.dimensions, np.float32)
        asked = {"inputText": text[:_MAX_CHARACTERS], "dimensions": self.dimensions, "normalize": True}
        body = json.dumps(asked).encode()
        for attempt in range(_ATTEMPTS):
            if attempt:
                time.sleep(random.uniform(0, _FIRST_BACKOFF_SECONDS * 2**attempt))
            try:
                status, answer = self._post(body)
            except OSError as error:
                problem = str(error)
                continue
            if status == 200:
                return _vector(answer, self.dimensions)
            problem = f"status {status}"
            if status not in _TRANSIENT:
                break
        raise EncoderUnavailable(f"{MODEL} gave no embedding: {problem}")

    def _post(self, body: bytes) -> tuple[int, bytes]:
        content = {"content-type": "application/json", "accept": "application/json"}
        prefix = self._origin.path
        headers = self._signer.headers("POST", self._origin.host, prefix + _SIGNED_PATH, body, content)
        return self._origin.request("POST", prefix + _TARGET, body, headers)


def _vector(answer: bytes, dimensions: int) -> NDArray[np.float32]:
    try:
        vector = np.array(json.loads(answer)["embedding"], np.float32)
    except (ValueError, KeyError, TypeError) as error:
        raise EncoderUnavailable(f"{MODEL} gave an answer without an embedding") from error
    if vector.shape != (dimensions,):
        raise EncoderUnavailable(f"{MODEL} gave {vector.shape} numbers and not {dimensions}")
    return vector

"""The calls of AWS's API of Lambda MicroVMs that Mooring makes: REST with JSON, signed."""

import json
import random
import time
from typing import Any
from urllib.parse import quote

from mooring.origin import Origin
from mooring.settings import AwsSettings
from mooring.sigv4 import Credentials, Signer

PORT = 8080
"""Of the worker in a MicroVM: where its proxy sends what names no other."""

_VERSION = "/2025-09-09"
_TIMEOUT_SECONDS = 8.0
_ATTEMPTS = 4
_LONGEST_BACKOFF_SECONDS = 0.4
_TRANSIENT = frozenset({429, 500, 502, 503, 504})


class Refused(OSError):
    """AWS refused a call, for good."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(f"status {status}: {detail}")
        self.status = status


class MicrovmApi:
    def __init__(self, aws: AwsSettings) -> None:
        self._origin = Origin(aws.lambda_url, timeout_seconds=_TIMEOUT_SECONDS)
        credentials = Credentials(aws.access_key, aws.secret_key, aws.session_token)
        self._signer = Signer(credentials, aws.region, "lambda")

    def run(self, order: dict[str, Any]) -> dict[str, Any]:
        """Have one started; `order` has a clientToken, so that trying again starts no second one.

        Raises:
            Refused: AWS said why.
            OSError: it does not answer; all calls raise both.
        """
        return self._call("POST", "microvms", body=order)

    def state(self, microvm_id: str) -> str:
        """Return its state, such as RUNNING or SUSPENDED; TERMINATED, too, when AWS knows it no more."""
        try:
            return str(self._call("GET", "microvms", microvm_id)["state"])
        except Refused as error:
            if error.status == 404:
                return "TERMINATED"
            raise

    def token(self, microvm_id: str, minutes: int) -> dict[str, str]:
        """Return headers that a MicroVM's proxy admits to the worker's port for so long (at most 60)."""
        order = {"expirationInMinutes": minutes, "allowedPorts": [{"port": PORT}]}
        answer = self._call("POST", "microvms", microvm_id, "auth-token", body=order)
        return {name: str(value) for name, value in answer["authToken"].items()}

    def terminate(self, microvm_id: str) -> None:
        """Terminate it; one that is gone is no error."""
        try:
            self._call("DELETE", "microvms", microvm_id)
        except Refused as error:
            if error.status != 404:
                raise

    def _call(self, method: str, *path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        target = "/".join([_VERSION, *(quote(part, safe="") for part in path)])
        sent = json.dumps(body).encode() if body is not None else b""
        for attempt in range(_ATTEMPTS):
            try:
                return self._attempt(method, self._origin.path + target, sent)
            except OSError as failure:
                is_final = isinstance(failure, Refused) and failure.status not in _TRANSIENT
                if is_final or attempt == _ATTEMPTS - 1:
                    raise
            time.sleep(random.uniform(0, _LONGEST_BACKOFF_SECONDS))
        raise AssertionError("the last attempt returns or raises")

    def _attempt(self, method: str, target: str, sent: bytes) -> dict[str, Any]:
        content = {"content-type": "application/json"} if sent else {}
        signed_path = quote(target, safe="/-_.~")
        headers = self._signer.headers(method, self._origin.host, signed_path, sent, content)
        status, answer = self._origin.request(method, target, sent, headers)
        if status >= 300:
            raise Refused(status, answer[:300].decode(errors="replace"))
        found: dict[str, Any] = json.loads(answer or b"{}")
        return found

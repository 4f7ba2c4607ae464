"""One AWS Lambda MicroVM per session: how it is started, reached and terminated.

A MicroVM is a worker with one slot. Whoever has its address has all that is needed to call it: the endpoint,
the MicroVM's id (for the token that its proxy wants) and the session's id (for the worker's own credential).
Shapes and limits: https://docs.aws.amazon.com/lambda/latest/api/ (API version 2025-09-09).
"""

import json
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from mooring import callbacks
from mooring.errors import MooringError, WorkerUnavailable
from mooring.microvm_api import PORT, MicrovmApi, Refused
from mooring.origin import Origin
from mooring.settings import AwsSettings, Settings

_START_SECONDS = 20.0  # restored within 4.5 s in 95 of 100 cases; the handshake's function has 29 s
_TRY_SECONDS = 3.0  # for one call while it is restored or resumed
_PAUSE_SECONDS = 0.1
_RETRY_AFTER_SECONDS = 5
_TOKEN_MINUTES = 60  # AWS's limit
_TOKEN_SECONDS = 50 * 60.0  # after which another one is made
_PAYLOAD_BYTES = 4096  # of runHookPayload
_SUSPENDED_SECONDS = 28_800
# What the proxy says while nothing answers behind it. A worker says none of them but 503, with a JSON body.
_NOT_YET = frozenset({502, 503, 504})


class Gone(ConnectionError):
    """The MicroVM has been terminated: nobody will answer for it any more."""


@dataclass(frozen=True, slots=True)
class Door:
    """Where the worker of one session's MicroVM is reached."""

    endpoint: str
    microvm_id: str
    session_id: str

    @property
    def address(self) -> str:
        return f"{self.endpoint}#{self.microvm_id}/{self.session_id}"

    @classmethod
    def read(cls, address: str) -> Self | None:
        """Return the door that a worker's address names; None: it is no MicroVM's."""
        endpoint, mark, ids = address.partition("#")
        microvm_id, _, session_id = ids.partition("/")
        return cls(endpoint, microvm_id, session_id) if mark else None


class Microvms:
    """`secret` is that of the callbacks, `url` where workers call back."""

    def __init__(
        self,
        api: MicrovmApi,
        secret: str,
        *,
        image: str = "",
        url: str = "",
        egress: str = "",
        idle_seconds: int = 300,
        life_seconds: int = 28_800,
        clock: Callable[[], float] = time.monotonic,
        start_seconds: float = _START_SECONDS,
    ) -> None:
        self._api = api
        self._secret = secret
        self._image = image
        self._url = url
        self._egress = egress
        self._idle_seconds = idle_seconds
        self.life_seconds = life_seconds
        self._clock = clock
        self._start_seconds = start_seconds
        self._tokens: dict[str, tuple[float, dict[str, str]]] = {}
        self._origins: dict[str, Origin] = {}

    @classmethod
    def configured(cls, settings: Settings, aws: AwsSettings) -> Self | None:
        """Return the engine that the settings describe; None: there are no MicroVMs here."""
        if settings.engine not in ("microvm", "both"):
            return None
        return cls(
            MicrovmApi(aws),
            settings.callback_secret,
            image=settings.microvm_image,
            url=settings.callback_url,
            egress=settings.microvm_egress,
            idle_seconds=settings.microvm_idle_seconds,
            life_seconds=settings.microvm_seconds,
        )

    def start(self, session_id: str, connection_id: str) -> Door:
        """Start a MicroVM for a session and wait until its worker answers.

        Raises:
            WorkerUnavailable: it did not within its time, and has been terminated; `data` says when to try
                again.
        """
        deadline = self._clock() + self._start_seconds
        try:
            started = self._api.run(self._order(session_id, connection_id))
        except OSError as error:
            raise _not_started(f"AWS did not start a MicroVM: {error}") from error
        endpoint = started["endpoint"]
        door = Door(
            endpoint if "://" in endpoint else f"https://{endpoint}", started["microvmId"], session_id
        )
        try:
            status, _ = self._insist(door, "GET", "/_/ready", b"", {}, deadline)
            if status != 200:
                raise _not_started(f"the MicroVM's worker answered {status}")
        except BaseException as error:
            self.terminate(door.microvm_id)
            if isinstance(error, OSError):
                raise _not_started("the MicroVM did not answer in time") from error
            raise
        return door

    def request(
        self, door: Door, method: str, target: str, body: bytes, extra: Mapping[str, str], seconds: float
    ) -> tuple[int, bytes]:
        """Call its worker, again and again while the MicroVM is being resumed, for at most `seconds`.

        Workers take each call as often as it comes: frames are known by the id of their message.

        Raises:
            Gone: it has been terminated.
            OSError: it does not answer.
        """
        try:
            status, answer = self._insist(door, method, target, body, extra, self._clock() + seconds)
        except OSError:
            if self.is_gone(door.microvm_id):
                raise Gone(f"the MicroVM {door.microvm_id} has been terminated") from None
            raise
        return status, answer

    def wake(self, door: Door) -> None:
        """Have its endpoint see traffic, which keeps it from being suspended; failures are no matter."""
        try:
            self._try(door, "GET", "/_/ready", b"", {})
        except OSError:
            return

    def is_gone(self, microvm_id: str) -> bool:
        """Return whether it has been terminated; False when that cannot be told."""
        try:
            return self._api.state(microvm_id) in ("TERMINATING", "TERMINATED")
        except OSError:
            return False

    def terminate(self, microvm_id: str) -> bool:
        """Terminate it, or say False: somebody has to do it later. One that is gone is no error."""
        self._tokens.pop(microvm_id, None)
        try:
            self._api.terminate(microvm_id)
        except OSError:
            return False
        return True

    def _order(self, session_id: str, connection_id: str) -> dict[str, Any]:
        key = callbacks.session_key(self._secret, session_id)
        payload = json.dumps(
            {"session": session_id, "key": b64encode(key).decode(), "callback": f"{self._url}/{session_id}"}
        )
        if len(payload) > _PAYLOAD_BYTES:
            raise MooringError(f"the run payload is over {_PAYLOAD_BYTES} bytes")
        order: dict[str, Any] = {
            "imageIdentifier": self._image,
            "runHookPayload": payload,
            "maximumDurationInSeconds": self.life_seconds,
            "idlePolicy": {
                "maxIdleDurationSeconds": self._idle_seconds,
                "suspendedDurationSeconds": _SUSPENDED_SECONDS,
                "autoResumeEnabled": True,
            },
            # Of the connection too: a session that was lost starts anew under its id, in another MicroVM.
            "clientToken": f"{session_id}.{connection_id}"[:128],
        }
        if self._egress:
            order["egressNetworkConnectors"] = [self._egress]
        return order

    def _insist(
        self, door: Door, method: str, target: str, body: bytes, extra: Mapping[str, str], deadline: float
    ) -> tuple[int, bytes]:
        while True:
            try:
                status, answer = self._try(door, method, target, body, extra)
            except Refused:
                raise
            except OSError:
                if self._clock() + _PAUSE_SECONDS >= deadline:
                    raise
            else:
                if status not in _NOT_YET or _is_worker(answer):
                    return status, answer
                if self._clock() + _PAUSE_SECONDS >= deadline:
                    raise ConnectionError(f"the MicroVM's proxy answered {status}")
            time.sleep(_PAUSE_SECONDS)

    def _try(
        self, door: Door, method: str, target: str, body: bytes, extra: Mapping[str, str]
    ) -> tuple[int, bytes]:
        bearer = callbacks.bearer(callbacks.session_key(self._secret, door.session_id))
        origin = self._origins.get(door.endpoint)
        if origin is None:
            origin = self._origins[door.endpoint] = Origin(door.endpoint, timeout_seconds=_TRY_SECONDS)
        for _ in range(2):
            headers = {**self._token(door.microvm_id), "authorization": f"Bearer {bearer}", **extra}
            status, answer = origin.request(method, target, body, headers)
            if status not in (401, 403) or _is_worker(answer):
                break
            self._tokens.pop(door.microvm_id, None)  # it has been revoked, or the clock is wrong
        return status, answer

    def _token(self, microvm_id: str) -> dict[str, str]:
        made_at, token = self._tokens.get(microvm_id, (float("-inf"), {}))
        if self._clock() - made_at > _TOKEN_SECONDS:
            token = {**self._api.token(microvm_id, _TOKEN_MINUTES), "x-aws-proxy-port": str(PORT)}
            self._tokens[microvm_id] = (self._clock(), token)
        return token


def _is_worker(answer: bytes) -> bool:
    """Return whether an answer is a refusal of the worker, not of the proxy before it."""
    return answer.startswith(b'{"code":')


def _not_started(reason: str) -> WorkerUnavailable:
    return WorkerUnavailable(
        f"no MicroVM could be started for the session: {reason}; try again",
        {"retryAfterSeconds": _RETRY_AFTER_SECONDS},
    )

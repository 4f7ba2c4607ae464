"""Writing to a client through API Gateway's @connections API."""

from functools import lru_cache
from urllib.parse import quote

from mooring.errors import ConnectionGone, WorkerUnavailable
from mooring.origin import Origin
from mooring.settings import AwsSettings
from mooring.sigv4 import Credentials, Signer

_TIMEOUT_SECONDS = 5.0  # an answer from API Gateway takes milliseconds


@lru_cache(maxsize=1024)
def connection_path(stage_path: str, connection_id: str) -> str:
    """Return the path of one connection; ids end in `=`, which must be percent-encoded."""
    return f"{stage_path}/@connections/{quote(connection_id, safe='')}"


@lru_cache(maxsize=1024)
def canonical(path: str) -> str:
    """Return `path` as it is signed: every service but S3 encodes the encoded path once more."""
    return quote(path, safe="/-_.~")


class Connections:
    """`url` is the management endpoint, stage included."""

    def __init__(self, url: str, aws: AwsSettings) -> None:
        self._origin = Origin(url, timeout_seconds=_TIMEOUT_SECONDS)
        credentials = Credentials(aws.access_key, aws.secret_key, aws.session_token)
        self._signer = Signer(credentials, aws.region, "execute-api")

    def post(self, connection_id: str, frame: str) -> None:
        """Send one frame.

        Raises:
            ConnectionGone: the client has left.
            WorkerUnavailable: API Gateway did not take it.
        """
        self._call("POST", connection_id, frame.encode())

    def close(self, connection_id: str) -> None:
        """Close the client's socket; it sees code 1000, the only one API Gateway can send."""
        self._call("DELETE", connection_id, b"")

    def is_open(self, connection_id: str) -> bool:
        """Return whether the client is still there; raises WorkerUnavailable when that cannot be told."""
        try:
            self._call("GET", connection_id, b"")
        except ConnectionGone:
            return False
        return True

    def forward(self, method: str, connection_id: str, body: bytes) -> int:
        """Make a call for somebody who knows its statuses; raises WorkerUnavailable when there is none."""
        path = connection_path(self._origin.path, connection_id)
        headers = self._signer.headers(method, self._origin.host, canonical(path), body)
        try:
            status, _ = self._origin.request(method, path, body, headers)
        except OSError as error:
            raise WorkerUnavailable("the WebSocket API does not answer") from error
        return status

    def _call(self, method: str, connection_id: str, body: bytes) -> None:
        status = self.forward(method, connection_id, body)
        if status == ConnectionGone.http_status:
            raise ConnectionGone(connection_id)
        if status >= 300:
            raise WorkerUnavailable(f"the WebSocket API answered {status}")

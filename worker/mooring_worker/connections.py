"""Writing to clients through API Gateway's @connections API, from the worker's loop."""

from functools import lru_cache
from urllib.parse import urlsplit

from mooring.connections import canonical, connection_path
from mooring.errors import ConnectionGone, FrameTooLarge, WorkerUnavailable
from mooring.http1 import Client
from mooring.settings import AwsSettings
from mooring.sigv4 import Credentials, Signer

_TIMEOUT_SECONDS = 10.0  # an answer from API Gateway takes milliseconds


class Connections:
    """`url` is the management endpoint, stage included."""

    def __init__(self, url: str, aws: AwsSettings, *, parallel: int) -> None:
        self._client = Client(url, connections=parallel)
        self._stage_path = urlsplit(url).path.rstrip("/")
        self._signer = Signer(
            Credentials(aws.access_key, aws.secret_key, aws.session_token), aws.region, "execute-api"
        )

    async def post(self, connection_id: str, frame: bytes) -> None:
        """Send one frame.

        Raises:
            ConnectionGone: the client has left, or its handshake is not over yet.
            FrameTooLarge: API Gateway will never take this frame.
            WorkerUnavailable: API Gateway did not take it now.
        """
        status = await self._call("POST", connection_id, frame)
        if status >= 300:
            raise _problem(status, connection_id)

    async def close(self, connection_id: str) -> None:
        """Close the client's socket; one that is closed already is no error.

        Raises:
            WorkerUnavailable: API Gateway did not take it now.
        """
        status = await self._call("DELETE", connection_id, b"")
        if status >= 300 and status != ConnectionGone.http_status:
            raise _problem(status, connection_id)

    async def end(self) -> None:
        await self._client.close()

    async def _call(self, method: str, connection_id: str, body: bytes) -> int:
        path, signed_path = _paths(self._stage_path, connection_id)
        headers = self._signer.headers(method, self._client.host, signed_path, body)
        try:
            response = await self._client.request(
                method, path, headers=headers, body=body, timeout_seconds=_TIMEOUT_SECONDS
            )
        except OSError as error:
            raise WorkerUnavailable("the WebSocket API does not answer") from error
        return response.status


@lru_cache(maxsize=1024)
def _paths(stage_path: str, connection_id: str) -> tuple[str, str]:
    path = connection_path(stage_path, connection_id)
    return path, canonical(path)


def _problem(status: int, connection_id: str) -> ConnectionGone | FrameTooLarge | WorkerUnavailable:
    if status == ConnectionGone.http_status:
        return ConnectionGone(connection_id)
    if status == FrameTooLarge.http_status:
        return FrameTooLarge("the WebSocket API refused the frame as too large")
    return WorkerUnavailable(f"the WebSocket API answered {status}")

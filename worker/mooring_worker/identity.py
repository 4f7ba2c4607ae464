"""As whom the worker calls AWS: the credentials of its environment, or those of its task's role.

ECS gives the latter at an address of its own and renews them some hours before they expire; whoever signs
holds a signer from here, which is given the new ones.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html
"""

import asyncio
import json
import logging
import time
from contextlib import suppress
from datetime import datetime
from urllib.parse import urlsplit

from mooring.http1 import Client
from mooring.settings import AwsSettings
from mooring.sigv4 import Credentials, Signer

_TIMEOUT_SECONDS = 5.0
_RENEW_BEFORE_SECONDS = 900.0  # ECS has new ones by then
_RETRY_SECONDS = 5.0

_logger = logging.getLogger(__name__)


class NoCredentials(OSError):
    """The endpoint of the role's credentials does not give any."""


class Identity:
    """Makes signers, and keeps their credentials valid while `run` runs."""

    def __init__(self, aws: AwsSettings) -> None:
        self._aws = aws
        self._credentials = Credentials(aws.access_key, aws.secret_key, aws.session_token)
        self._signers: list[Signer] = []
        self._refused = asyncio.Event()
        self._expires_at = 0.0

    def signer(self, service: str) -> Signer:
        """Return a signer of requests to `service`, whose credentials this identity keeps valid."""
        signer = Signer(self._credentials, self._aws.region, service)
        self._signers.append(signer)
        return signer

    async def open(self) -> None:
        """Get the first credentials of the role, if there is one; raises NoCredentials."""
        if self._aws.credentials_url:
            await self._renew()

    async def run(self) -> None:
        """Renew for ever, in time, and at once when AWS has refused the present ones."""
        while self._aws.credentials_url:
            self._refused.clear()
            pause_seconds = max(_RETRY_SECONDS, self._expires_at - _RENEW_BEFORE_SECONDS - time.time())
            with suppress(TimeoutError):
                async with asyncio.timeout(pause_seconds):
                    await self._refused.wait()
            try:
                await self._renew()
            except NoCredentials as error:
                _logger.warning("credentials not renewed", extra={"detail": str(error)})
            await asyncio.sleep(_RETRY_SECONDS)  # a permission that is missing is refused again and again

    def note_refusal(self) -> None:
        """Renew soon: AWS has said that the credentials are not valid."""
        self._refused.set()

    async def _renew(self) -> None:
        parts = urlsplit(self._aws.credentials_url)
        client = Client(self._aws.credentials_url, connections=1)
        headers = {"authorization": self._aws.credentials_token} if self._aws.credentials_token else {}
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        try:
            answer = await client.request("GET", target, headers=headers, timeout_seconds=_TIMEOUT_SECONDS)
            if answer.status != 200:
                raise NoCredentials(f"status {answer.status}")
            given = json.loads(answer.body)
            credentials = Credentials(given["AccessKeyId"], given["SecretAccessKey"], given.get("Token", ""))
            expires_at = datetime.fromisoformat(given["Expiration"]).timestamp()
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise NoCredentials(repr(error)) from error
        finally:
            await client.close()
        self._credentials, self._expires_at = credentials, expires_at
        for signer in self._signers:
            signer.use(credentials)

"""The worker as a task of ECS: who it is, and that it is not to be scaled in while it has sessions.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4-fargate.html
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-scale-in-protection-endpoint.html
"""

import asyncio
import json
import logging
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

from mooring.http1 import Client
from mooring.settings import AwsSettings
from mooring_worker.agent import Agent

_TIMEOUT_SECONDS = 5.0
_LOOK_SECONDS = 1.0
_PROTECTED_MINUTES = 60  # 2,880 at most; it ends by itself should the worker hang
_RENEW_SECONDS = _PROTECTED_MINUTES * 60 / 2

_logger = logging.getLogger(__name__)


class NoMetadata(OSError):
    """The task's metadata cannot be had."""


@dataclass(frozen=True)
class Task:
    id: str
    host: str
    """Its private IPv4 address."""
    version: str
    """`family:revision` of its task definition."""

    @classmethod
    async def read(cls, metadata_url: str) -> Self:
        """Ask ECS who this task is; raises NoMetadata."""
        client = Client(metadata_url, connections=1)
        try:
            path = urlsplit(metadata_url).path.rstrip("/")
            answer = await client.request("GET", f"{path}/task", timeout_seconds=_TIMEOUT_SECONDS)
            task = json.loads(answer.body)
            networks = [network for container in task["Containers"] for network in container["Networks"]]
            version = f"{task['Family']}:{task['Revision']}"
            return cls(task["TaskARN"].rpartition("/")[2], networks[0]["IPv4Addresses"][0], version)
        except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
            raise NoMetadata(f"the task's metadata cannot be read: {error!r}") from error
        finally:
            await client.close()


class Protection:
    """Keeps the task out of scaling in while the worker has sessions."""

    def __init__(self, agent: Agent, aws: AwsSettings, leave_seconds: float) -> None:
        self._agent = agent
        self._leave_seconds = leave_seconds
        self._left_at: float | None = None
        self._url = aws.task_agent_url
        self._is_protected = False
        self._renew_at = 0.0

    async def run(self) -> None:
        """Look for ever. A scale-in within a look of the first session drains that like any other."""
        if not self._url:
            return
        client = Client(self._url, connections=1)
        try:
            while True:
                await self._look(client)
                await asyncio.sleep(_LOOK_SECONDS)
        finally:
            await client.close()

    async def _look(self, client: Client) -> None:
        now = asyncio.get_running_loop().time()
        if self._agent.is_draining and self._left_at is None:
            self._left_at = now
        stays = self._left_at is None or now - self._left_at < self._leave_seconds
        wanted = len(self._agent) > 0 and stays
        if wanted == self._is_protected and not (wanted and now >= self._renew_at):
            return
        body = {"ProtectionEnabled": wanted} | ({"ExpiresInMinutes": _PROTECTED_MINUTES} if wanted else {})
        target = f"{urlsplit(self._url).path.rstrip('/')}/task-protection/v1/state"
        try:
            answer = await client.request(
                "PUT",
                target,
                headers={"content-type": "application/json"},
                body=json.dumps(body).encode(),
                timeout_seconds=_TIMEOUT_SECONDS,
            )
            if answer.status != 200 or "protection" not in json.loads(answer.body):
                raise OSError(f"status {answer.status}: {answer.body[:200].decode(errors='replace')}")
        except (OSError, ValueError) as error:
            _logger.warning("scale-in protection not set", extra={"detail": str(error), "wanted": wanted})
            return
        self._is_protected, self._renew_at = wanted, now + _RENEW_SECONDS

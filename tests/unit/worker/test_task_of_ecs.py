"""The worker as a task of ECS, whose endpoints are real sockets: credentials, metadata, protection."""

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from mooring.settings import AwsSettings
from mooring_worker import ecs as ecs_module
from mooring_worker import identity as identity_module
from mooring_worker.ecs import NoMetadata, Protection, Task
from mooring_worker.identity import Identity, NoCredentials
from tests.container.ecs import TaskAgent, task_agent

SECONDS = 10.0


class Role:
    """Gives new credentials each time, which are valid for `valid_seconds`."""

    def __init__(self, valid_seconds: float) -> None:
        self.given = 0
        self.valid_seconds = valid_seconds

    def __call__(self) -> dict[str, str]:
        self.given += 1
        ends = datetime.fromtimestamp(time.time() + self.valid_seconds, UTC)
        return {
            "AccessKeyId": f"AK{self.given}",
            "SecretAccessKey": "secret",
            "Token": f"token{self.given}",
            "Expiration": ends.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }


@pytest.fixture
def role() -> Role:
    return Role(3600)


@pytest.fixture
def agent(role: Role) -> Iterator[TaskAgent]:
    with task_agent("abc123", role) as served:
        yield served


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity_module, "_RETRY_SECONDS", 0.01)
    monkeypatch.setattr(ecs_module, "_LOOK_SECONDS", 0.01)


def settings(agent: TaskAgent, **more: str) -> AwsSettings:
    return AwsSettings.read({**agent.variables, "AWS_REGION": "eu-west-1", **more})


def key_of(signer: object) -> str:
    headers = signer.headers("GET", "host", "/", b"")  # type: ignore[attr-defined]
    key = headers["authorization"].partition("Credential=")[2].partition("/")[0]
    return f"{key} {headers['x-amz-security-token']}"


async def until(holds: object) -> None:
    async with asyncio.timeout(SECONDS):
        while not holds():  # type: ignore[operator]
            await asyncio.sleep(0.01)


async def test_requests_are_signed_with_the_roles_credentials(agent: TaskAgent) -> None:
    identity = Identity(settings(agent))
    signer = identity.signer("dynamodb")
    await identity.open()
    assert key_of(signer) == "AK1 token1"


async def test_credentials_are_renewed_before_they_end(agent: TaskAgent, role: Role) -> None:
    role.valid_seconds = identity_module._RENEW_BEFORE_SECONDS
    identity = Identity(settings(agent))
    signer = identity.signer("execute-api")
    await identity.open()
    running = asyncio.create_task(identity.run())
    await until(lambda: key_of(signer) >= "AK3 token3")
    running.cancel()


async def test_refused_credentials_are_renewed_at_once(agent: TaskAgent, role: Role) -> None:
    identity = Identity(settings(agent))
    signer = identity.signer("execute-api")
    await identity.open()
    running = asyncio.create_task(identity.run())
    await asyncio.sleep(0)  # it has begun to wait
    identity.note_refusal()
    await until(lambda: key_of(signer) == "AK2 token2")
    running.cancel()


async def test_keys_of_the_environment_come_first(agent: TaskAgent) -> None:
    identity = Identity(settings(agent, AWS_ACCESS_KEY_ID="AKENV", AWS_SESSION_TOKEN="t"))
    await identity.open()
    assert key_of(identity.signer("dynamodb")) == "AKENV t"
    assert agent.served["credentials"] == 0


def test_the_relative_address_is_that_of_ecs() -> None:
    aws = AwsSettings.read({"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/credentials/x"})
    assert aws.credentials_url == "http://169.254.170.2/v2/credentials/x"


async def test_an_endpoint_without_credentials_is_an_error(agent: TaskAgent) -> None:
    wrong = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://127.0.0.1:{agent.port}/nowhere"}
    with pytest.raises(NoCredentials):
        await Identity(AwsSettings.read(wrong)).open()


async def test_a_task_knows_its_id_its_address_and_its_version(agent: TaskAgent) -> None:
    task = await Task.read(settings(agent).task_metadata_url)
    assert (task.id, task.host, task.version) == ("abc123", "127.0.0.1", "worker:1")
    with pytest.raises(NoMetadata):
        await Task.read(f"http://127.0.0.1:{agent.port}/v4/wrong")


class Agent:
    """As much of the worker's agent as the protection looks at."""

    sessions = 0
    is_draining = False

    def __len__(self) -> int:
        return self.sessions


async def test_a_task_is_protected_while_it_has_sessions_and_renews_that(
    agent: TaskAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = Agent()
    protection = Protection(worker, settings(agent), leave_seconds=60)  # type: ignore[arg-type]
    running = asyncio.create_task(protection.run())
    worker.sessions = 1
    await until(lambda: agent.protection == [True])
    monkeypatch.setattr(ecs_module, "_RENEW_SECONDS", 0.0)
    protection._renew_at = 0.0
    await until(lambda: len(agent.protection) > 2)
    worker.sessions = 0
    await until(lambda: agent.protection[-1] is False)
    running.cancel()


async def test_a_task_that_leaves_is_protected_no_longer_than_it_may(agent: TaskAgent) -> None:
    worker = Agent()
    worker.sessions = 1
    protection = Protection(worker, settings(agent), leave_seconds=0.05)  # type: ignore[arg-type]
    running = asyncio.create_task(protection.run())
    await until(lambda: agent.protection == [True])
    worker.is_draining = True
    await until(lambda: agent.protection[-1] is False)
    running.cancel()

"""The whole product without an account: the deployed stack on the emulator, with a real container as worker.

The emulator is API Gateway, Lambda, DynamoDB and IAM, which enforces the roles (AUTH). The container runs as
the deployed task definition says, with the credentials of its task role.
"""

import asyncio
import contextlib
import json
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import botocore.exceptions
import pytest

from mooring.keys import KeyTable
from mooring.url import connect_url
from mooring_local import processes
from tests.clients.programs import PYTHON_1, over_websocket
from tests.clients.scenarios import Scenario, step, tool
from tests.cloud.deployment import REGION, Deployment, http_event
from tests.container.ecs import TaskAgent, task_agent
from tests.container.task import Definition, container, stop
from tests.raw_client import RawClient, raw_client

pytestmark = pytest.mark.integration

_SERVERS = Path(__file__).parents[1] / "servers"
_IN_CONTAINER = "/srv/servers"
_SERVER = "acme/echo"
_ROLES = "arn:aws:iam::000000000000:role"
_SECONDS = 60.0
_POLL_SECONDS = 0.1
_SLOW_SECONDS = 6

SCENARIO: Scenario = {
    "answers": {},
    "steps": [
        step("tools", "tools/list"),
        tool("echo", "echo", text="through API Gateway, Lambda and a container"),
        tool("state", "state"),
        tool("state again", "state"),
    ],
}


@pytest.fixture(scope="module")
def definition(deployment: Deployment) -> Definition:
    definition = Definition.deployed(deployment)
    # The tests take ECS's part, and its right to hand out the role; what that may do stays as deployed.
    statement = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    trust = {"Version": "2012-10-17", "Statement": [statement]}
    name = definition.task_role.rpartition("/")[2]
    deployment.client("iam").update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(trust))
    return definition


@pytest.fixture(scope="module")
def connections_url(deployment: Deployment) -> str:
    """Have every function reach the emulator's WebSocket API, which has no host name of its own here."""
    api = deployment.resources["WebSocketApi"]
    url = f"{deployment.endpoint}/_aws/execute-api/{api}/live"
    functions = deployment.client("lambda")
    for name in [physical for logical, physical in deployment.resources.items() if logical.startswith("Ws")]:
        with contextlib.suppress(functions.exceptions.ResourceNotFoundException):
            settings = functions.get_function_configuration(FunctionName=name)
            variables = settings["Environment"]["Variables"] | {"MOORING_CONNECTIONS_URL": url}
            functions.update_function_configuration(FunctionName=name, Environment={"Variables": variables})
    return url


@pytest.fixture(scope="module")
def url(deployment: Deployment, connections_url: str) -> str:
    """Publish the echo server; return what a client connects to."""
    _, key = KeyTable(deployment.client("dynamodb"), deployment.resources["KeysTable"]).create("op", "admin")
    launch = {"command": "python3", "args": [f"{_IN_CONTAINER}/echo.py"]}
    body = {"displayName": "Echo", "release": {"launch": launch}}
    headers = {"authorization": f"Bearer {key}"}
    answer = deployment.invoke("RegistryApiFunction", http_event("PUT", f"/servers/{_SERVER}", headers, body))
    assert answer["statusCode"] == 201, answer
    return connect_url_of_api(connections_url, key)


def connect_url_of_api(connections_url: str, key: str) -> str:
    """Return what CloudFront's function makes of the address that clients are given."""
    query = connect_url("ws://edge", _SERVER, api_key=key).partition("?")[2]
    return f"{connections_url.replace('http://', 'ws://')}?_server={_SERVER}&{query}"


class Fleet:
    """Workers in containers, each a task of its own."""

    def __init__(
        self, deployment: Deployment, definition: Definition, image: str, connections_url: str
    ) -> None:
        self._deployment = deployment
        self._definition = definition
        self._image = image
        self._connections_url = connections_url

    @contextlib.contextmanager
    def worker(self) -> Iterator[tuple[str, TaskAgent]]:
        """Run one and wait until it has registered itself; yield its container and its ECS agent."""
        with task_agent(secrets.token_hex(16), self._role_credentials) as agent:
            environment = {
                **self._definition.environment,
                **agent.variables,
                "AWS_REGION": REGION,
                "AWS_ENDPOINT_URL": self._deployment.endpoint,
                "MOORING_CONNECTIONS_URL": self._connections_url,
                "MOORING_WORKER_HOST": "127.0.0.1",
                "MOORING_WORKER_PORT": str(processes.free_port()),
            }
            mounts = {_SERVERS: _IN_CONTAINER}
            with container(self._image, environment, self._definition.restrictions, mounts) as name:
                until(lambda: any(id == agent.task_id for id in self.rows()))
                yield name, agent

    def rows(self) -> dict[str, dict[str, Any]]:
        """Return the rows of the Workers table by the ids of the workers."""
        table = self._deployment.resources["WorkersTable"]
        items = self._deployment.client("dynamodb").scan(TableName=table, ConsistentRead=True)["Items"]
        return {item["worker_id"]["S"]: item for item in items if "address" in item}

    def used(self, agent: TaskAgent) -> int:
        return int(self.rows()[agent.task_id]["used"]["N"])

    def _role_credentials(self) -> dict[str, str]:
        sts = self._deployment.client("sts")
        given = sts.assume_role(RoleArn=self._definition.task_role, RoleSessionName="task")["Credentials"]
        expiration = datetime.fromtimestamp(time.time() + 3600, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {
            "RoleArn": self._definition.task_role,
            "AccessKeyId": given["AccessKeyId"],
            "SecretAccessKey": given["SecretAccessKey"],
            "Token": given["SessionToken"],
            "Expiration": expiration,
        }

    def client(self, service: str) -> Any:
        """Return a client that may do what a worker may."""
        given = self._role_credentials()
        return boto3.client(
            service,
            endpoint_url=self._deployment.endpoint,
            region_name=REGION,
            aws_access_key_id=given["AccessKeyId"],
            aws_secret_access_key=given["SecretAccessKey"],
            aws_session_token=given["Token"],
        )


@pytest.fixture(scope="module")
def fleet(deployment: Deployment, definition: Definition, worker_image: str, connections_url: str) -> Fleet:
    return Fleet(deployment, definition, worker_image, connections_url)


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _SECONDS
    while not holds():
        assert time.monotonic() < deadline, "not within a minute"
        time.sleep(_POLL_SECONDS)


def test_a_stock_client_uses_a_server_in_the_container(fleet: Fleet, url: str) -> None:
    with fleet.worker() as (_, agent):
        assert fleet.rows()[agent.task_id]["engine"]["S"] == "fargate"
        seen = asyncio.run(PYTHON_1.play(over_websocket(url), SCENARIO))
        until(lambda: fleet.used(agent) == 0)
    assert seen["server"]["info"]["name"] == "echo"
    assert "echo" in {one["name"] for one in seen["results"]["tools"]["result"]["tools"]}
    texts = {label: result_text(seen["results"][label]) for label in ("echo", "state", "state again")}
    assert texts == {
        "echo": SCENARIO["steps"][1]["params"]["arguments"]["text"],
        "state": "1",
        "state again": "2",
    }


def result_text(outcome: dict[str, Any]) -> str:
    text: str = outcome["result"]["content"][0]["text"]
    return text


def test_a_task_with_sessions_is_protected_from_scaling_in(fleet: Fleet, url: str) -> None:
    with fleet.worker() as (_, agent):
        asyncio.run(PYTHON_1.play(over_websocket(url), SCENARIO))
        until(lambda: agent.protection[-1:] == [False])
    assert True in agent.protection


def test_an_upgrade_drops_no_session_that_can_finish_in_time(fleet: Fleet, url: str) -> None:
    """The old task is stopped while a call runs in it: that is answered; new sessions go to the new task."""

    async def upgrade() -> tuple[dict[str, Any], list[dict[str, Any]], int]:
        with fleet.worker() as (old_name, _):
            async with opened(url) as client:
                await client.send(call(7, "sleep", seconds=_SLOW_SECONDS))
                with fleet.worker() as (_, new):
                    stopping = asyncio.create_task(asyncio.to_thread(stop, old_name))
                    answer, told = await answer_and_rest(client, 7)
                    async with opened(url) as later:
                        assert result_text(await later.request("tools/call", {"name": "state"}))
                        await asyncio.to_thread(until, lambda: fleet.used(new) == 1)
                        used = fleet.used(new)
                    await stopping
        return answer, told, used

    answer, told, used = asyncio.run(upgrade())
    assert result_text(answer) == "slept"
    assert any(one.get("method") == "notifications/message" for one in told), told
    assert used == 1


@contextlib.asynccontextmanager
async def opened(url: str) -> AsyncIterator[RawClient]:
    async with asyncio.timeout(_SECONDS), raw_client(url) as client:
        await client.initialize()
        yield client


def call(number: int, name: str, **arguments: Any) -> str:
    params = {"name": name, "arguments": arguments}
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params})


async def answer_and_rest(client: RawClient, number: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the answer to a request, and what else came before it."""
    told = []
    while (message := await client.message()).get("id") != number:
        told.append(message)
    return message, told


@pytest.mark.parametrize(
    ("service", "operation", "parameters"),
    [
        ("dynamodb", "scan", {"TableName": "KeysTable"}),
        ("dynamodb", "scan", {"TableName": "SessionsTable"}),
        ("dynamodb", "get_item", {"TableName": "ProfilesTable", "Key": {"principal": {"S": "p"}}}),
        ("secretsmanager", "get_secret_value", {"SecretId": "WorkerSecret"}),
        ("s3", "list_objects_v2", {"Bucket": "IndexBucket"}),
        ("lambda", "list_functions", {}),
        ("sts", "assume_role", {"RoleArn": f"{_ROLES}/unknown", "RoleSessionName": "intruder"}),
    ],
)
def test_a_worker_may_not_do_what_it_has_no_need_of(
    fleet: Fleet, deployment: Deployment, service: str, operation: str, parameters: dict[str, Any]
) -> None:
    known = {
        name: deployment.resources.get(value, value) if isinstance(value, str) else value
        for name, value in parameters.items()
    }
    client = fleet.client(service)
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        getattr(client, operation)(**known)
    assert refused.value.response["Error"]["Code"] in ("AccessDenied", "AccessDeniedException", "403")


def test_a_worker_may_write_its_row(fleet: Fleet, deployment: Deployment) -> None:
    """So that the refusals above are those of its role, and not of credentials that nobody knows."""
    item = {"worker_id": {"S": "written"}, "expires_at": {"N": "1"}}
    table = deployment.resources["WorkersTable"]
    fleet.client("dynamodb").put_item(TableName=table, Item=item)
    fleet.client("dynamodb").delete_item(TableName=table, Key={"worker_id": {"S": "written"}})

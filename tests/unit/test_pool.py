"""The pool as ECS sees it: what is asked of it, and which workers are told to leave."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from mooring.errors import WorkerUnavailable
from mooring.pool import Pool
from mooring.settings import AwsSettings, Settings
from mooring.workers import Worker

ARN = "arn:aws:ecs:us-east-1:1:task-definition"


class Ecs:
    def __init__(self) -> None:
        self.desired = 1
        self.definition = f"{ARN}/worker:1"
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.status = 200
        self.exists = True


@pytest.fixture
def ecs() -> Iterator[tuple[Ecs, str]]:
    state = Ecs()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            operation = self.headers["x-amz-target"].rpartition(".")[2]
            state.calls.append((operation, body))
            if operation == "UpdateService" and state.status == 200:
                state.desired = body["desiredCount"]
            service = {"desiredCount": state.desired, "taskDefinition": state.definition}
            services = [service] if state.exists else []
            answer = {"services": services} if operation == "DescribeServices" else {"service": service}
            content = json.dumps(answer if state.status == 200 else {"__type": "AccessDenied"}).encode()
            self.send_response(state.status)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield state, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join(10)
    server.server_close()


class Rows:
    def __init__(self, *rows: Worker) -> None:
        self.rows = list(rows)
        self.demand_at = float("-inf")

    def all(self) -> list[Worker]:
        return self.rows


class Client:
    def __init__(self) -> None:
        self.told: list[str] = []

    def drain(self, address: str) -> None:
        if "gone" in address:
            raise WorkerUnavailable("gone")
        self.told.append(address)


def worker(name: str, used: int, version: str = "worker:1", **fields: Any) -> Worker:
    return Worker(name, f"http://{name}", used, 20, 1e12, False, engine="fargate", version=version, **fields)


def pool(url: str, rows: Rows, client: Client) -> Pool:
    settings = Settings(
        pool_cluster="c", pool_service="s", pool_min=1, pool_max=5, pool_spare_slots=10, pool_task_slots=20
    )
    aws = AwsSettings("us-east-1", "AK", "secret", "", "", ecs_url=url)
    return Pool(settings, aws, rows, client)  # type: ignore[arg-type]


def test_a_pool_that_fills_is_given_another_task_once(ecs: tuple[Ecs, str]) -> None:
    state, url = ecs
    tended = pool(url, Rows(worker("a", 15)), Client())
    tended.tend()
    tended.tend()
    assert [call for call in state.calls if call[0] == "UpdateService"] == [
        ("UpdateService", {"cluster": "c", "service": "s", "desiredCount": 2})
    ]


def test_workers_of_an_old_version_are_told_to_leave_once_there_is_one_of_the_new(
    ecs: tuple[Ecs, str],
) -> None:
    state, url = ecs
    state.desired, state.definition = 1, f"{ARN}/worker:2"
    old, rows, client = [worker("a", 3), worker("gone", 1)], Rows(), Client()
    tended = pool(url, rows, client)
    rows.rows = old
    tended.tend()
    assert client.told == []
    rows.rows = [*old, worker("new", 0, "worker:2")]
    tended.tend()
    assert client.told == ["http://a"]


def test_workers_of_other_engines_are_not_the_pools(ecs: tuple[Ecs, str]) -> None:
    state, url = ecs
    microvm = Worker("vm", "https://vm", 1, 1, 1e12, False, engine="microvm", version="")
    client = Client()
    pool(url, Rows(*[microvm] * 40, worker("a", 0)), client).tend()
    assert state.desired == 1
    assert client.told == []


def test_a_refusal_of_ecs_is_no_failure_of_the_sweep(ecs: tuple[Ecs, str]) -> None:
    state, url = ecs
    state.status = 400
    pool(url, Rows(worker("a", 20)), Client()).tend()
    assert [operation for operation, _ in state.calls] == ["DescribeServices"]


def test_a_service_that_is_not_there_is_no_failure_of_the_sweep(ecs: tuple[Ecs, str]) -> None:
    state, url = ecs
    state.exists = False
    pool(url, Rows(worker("a", 20)), Client()).tend()
    assert [operation for operation, _ in state.calls] == ["DescribeServices"]

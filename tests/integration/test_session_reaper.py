"""Whose rows are reaped, and what is said to whom: real tables, stubs for workers and API Gateway."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from mooring.connections import Connections
from mooring.farewells import Farewells
from mooring.ledger import Ledger
from mooring.reaping import STALE_SECONDS, Reaper
from mooring.session_rows import SessionRows
from mooring.sessions import ROW_LIFETIME_SECONDS, Session, SessionTable
from mooring.settings import AwsSettings
from mooring.workers import WorkerClient, WorkerTable
from mooring_local import tables
from tests import emulator
from tests.emulator import Emulator
from tests.unit.loopback import serving

pytestmark = pytest.mark.integration

LEASED, LAPSED = 600, -1


@pytest.fixture(scope="module")
def running_emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with emulator.running(tmp_path_factory.mktemp("emulator")) as one:
        with one.client("dynamodb") as client:
            tables.create(client)
        yield one


@dataclass
class Gateway:
    """@connections: what was posted to whom, who was closed, who is gone."""

    posted: list[tuple[str, Any]] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    gone: set[str] = field(default_factory=set)

    def respond(self, method: str, target: str, _headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        connection = unquote(target.rpartition("/")[2])
        if connection in self.gone:
            return 410, b""
        if method == "POST":
            self.posted.append((connection, json.loads(body)))
        elif method == "DELETE":
            self.closed.append(connection)
        return 200, b"{}"

    def answered(self, connection: str) -> list[Any]:
        return [
            (frame["id"], frame["error"]["code"])
            for to, frame in self.posted
            if to == connection and "id" in frame
        ]


@dataclass
class WorkerStub:
    sessions: list[str] = field(default_factory=list)
    calls: list[tuple[str, str]] = field(default_factory=list)

    def respond(self, method: str, target: str, _headers: dict[str, str], _body: bytes) -> tuple[int, bytes]:
        self.calls.append((method, unquote(target)))
        return 200, json.dumps({"sessions": [{"id": session_id} for session_id in self.sessions]}).encode()


class World:
    def __init__(self, client: Any, gateway: Gateway, gateway_url: str, worker: WorkerStub, url: str) -> None:
        self.client = client
        self.gateway = gateway
        self.worker = worker
        self.worker_url = url
        self.sessions = SessionTable(client, "mooring-sessions")
        self.rows = SessionRows(client, "mooring-sessions")
        self.connections = Connections(gateway_url, AwsSettings("eu-west-1", "AK", "secret", "", ""))

    def reaper(self, ledgers: Path | None = None) -> Reaper:
        return Reaper(
            self.rows,
            WorkerTable(self.client, "mooring-workers", fresh_seconds=0),
            WorkerClient("secret", timeout_seconds=1),
            self.connections,
            Farewells(self.rows, self.connections, ledgers),
        )

    def announce(self, worker_id: str, lease_seconds: float, address: str = "") -> None:
        item: dict[str, Any] = {
            "worker_id": {"S": worker_id},
            "address": {"S": address or self.worker_url},
            "used": {"N": "0"},
            "capacity": {"N": "10"},
            "lease": {"N": str(time.time() + lease_seconds)},
            "draining": {"BOOL": False},
        }
        self.client.put_item(TableName="mooring-workers", Item=item)

    def open(
        self,
        connection: str,
        session_id: str,
        worker_id: str = "w1",
        *,
        address: str = "",
        is_resumable: bool = False,
        in_flight: tuple[str, ...] = (),
        age_seconds: float = 0,
    ) -> Session:
        address = address or self.worker_url
        session = Session(connection, session_id, "acme/test", "p", worker_id, address, is_resumable)
        self.sessions.put(session)
        self.client.update_item(
            TableName="mooring-sessions",
            Key={"id": {"S": connection}},
            UpdateExpression="SET in_flight = :ids, expires_at = :end",
            ExpressionAttributeValues={
                ":ids": {"L": [{"S": id_text} for id_text in in_flight]},
                ":end": {"N": str(int(time.time() - age_seconds + ROW_LIFETIME_SECONDS))},
            },
        )
        if is_resumable:
            self.sessions.claim(session, None)
        return session

    def keys(self, noun: str = "sessions", key: str = "id") -> list[str]:
        items = self.client.scan(TableName=f"mooring-{noun}", ConsistentRead=True)["Items"]
        return sorted(item[key]["S"] for item in items)


@pytest.fixture
def world(running_emulator: Emulator) -> Iterator[World]:
    gateway, worker = Gateway(), WorkerStub()
    with ExitStack() as stack:
        client = stack.enter_context(running_emulator.client("dynamodb"))
        gateway_url = stack.enter_context(serving(gateway.respond))
        worker_url = stack.enter_context(serving(worker.respond))
        world = World(client, gateway, f"{gateway_url}/live", worker, worker_url)
        yield world
        for noun, key in (("sessions", "id"), ("workers", "worker_id")):
            for value in world.keys(noun, key):
                client.delete_item(TableName=f"mooring-{noun}", Key={key: {"S": value}})


@pytest.fixture
def nowhere() -> str:
    """The address of nobody."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_clients_of_a_dead_worker_get_an_error_for_each_request_and_are_let_go(
    world: World, nowhere: str
) -> None:
    world.announce("dead", LAPSED, nowhere)
    world.open("a=", "s1", "dead", address=nowhere, in_flight=("1.0", '"x"'))
    world.open("b=", "s2", "dead", address=nowhere, is_resumable=True)
    world.announce("w1", LEASED)
    world.open("c=", "s3", in_flight=("7",))

    world.reaper().sweep()

    assert world.gateway.answered("a=") == [(1.0, -32012), ("x", -32012)]
    told = [frame["params"]["logger"] for _, frame in world.gateway.posted if frame.get("method")]
    assert told == ["mooring", "mooring"]
    assert sorted(world.gateway.closed) == ["a=", "b="]
    assert world.keys() == ["c="]
    assert world.keys("workers", "worker_id") == ["w1"]


def test_nobody_is_answered_twice(world: World, nowhere: str) -> None:
    session = world.open("a=", "s1", "dead", address=nowhere, in_flight=("1",))
    farewells = Farewells(world.rows, world.connections)

    assert farewells.tell_worker_lost(session, refused=["2", "1"])
    assert not farewells.tell_worker_lost(session, refused=["2", "1"])
    world.reaper().sweep()

    assert world.gateway.answered("a=") == [(1, -32012), (2, -32012)]


def test_a_ledger_knows_better_than_the_row(world: World, nowhere: str, tmp_path: Path) -> None:
    world.open("a=", "s1", "dead", address=nowhere, in_flight=("1",))
    ledger = Ledger(tmp_path / "dead")
    ledger.enter(b"s1", b"2")
    ledger.enter(b"other", b"3")

    world.reaper(tmp_path).bury("dead")

    assert world.gateway.answered("a=") == [(2, -32012)]


def test_a_worker_that_answers_keeps_its_sessions_though_its_lease_is_over(world: World) -> None:
    world.announce("w1", LAPSED)
    world.open("a=", "s1", in_flight=("1",))
    world.worker.sessions.append("s1")

    world.reaper().bury_lapsed()

    assert world.keys() == ["a="]
    assert world.gateway.closed == []


def test_who_answers_at_a_dead_worker_s_address_is_another(world: World) -> None:
    world.open("a=", "s1", "dead", in_flight=("1",))
    world.announce("heir", LEASED)

    world.reaper().sweep()

    assert world.gateway.answered("a=") == [(1, -32010)]
    assert world.keys() == []


@pytest.mark.parametrize(
    ("age_seconds", "is_left"), [(STALE_SECONDS - 10, True), (STALE_SECONDS + 10, False)]
)
def test_a_connection_that_is_gone_is_reported_once_its_row_is_old(
    world: World, age_seconds: float, is_left: bool
) -> None:
    world.announce("w1", LEASED)
    world.open("gone=", "s1", age_seconds=age_seconds)
    world.open("here=", "s2", age_seconds=age_seconds)
    world.worker.sessions += ["s1", "s2"]
    world.gateway.gone.add("gone=")

    world.reaper().sweep()

    reports = [call for call in world.worker.calls if call[0] == "DELETE"]
    assert reports == ([] if is_left else [("DELETE", "/sessions/s1/connections/gone=")])
    assert world.keys() == (["gone=", "here="] if is_left else ["here="])


def test_a_client_that_came_back_elsewhere_keeps_its_new_session(world: World, nowhere: str) -> None:
    lost = world.open("a=", "s1", "dead", address=nowhere, is_resumable=True)
    world.sessions.claim(Session("b=", "s1", "acme/test", "p", "w1", world.worker_url, True), lost)

    world.reaper().bury("dead")

    assert world.keys() == ["session#s1"]


def test_a_client_that_has_left_does_not_keep_the_others(world: World, nowhere: str) -> None:
    world.open("a=", "s1", "dead", address=nowhere)
    world.open("b=", "s2", "dead", address=nowhere)
    world.gateway.gone.add("a=")

    world.reaper().bury("dead")

    assert world.gateway.closed == ["b="]
    assert world.keys() == []


def test_when_no_connection_is_left_each_is_reported_whatever_its_age(world: World) -> None:
    world.announce("w1", LEASED)
    world.open("a=", "s1")
    world.open("b=", "s2", is_resumable=True)
    world.worker.sessions += ["s1", "s2"]

    world.reaper().bury_connections()

    reports = {call for call in world.worker.calls if call[0] == "DELETE"}
    assert reports == {
        ("DELETE", f"/sessions/{of}/connections/{to}") for of, to in (("s1", "a="), ("s2", "b="))
    }
    assert world.keys() == ["session#s2"]


def test_what_a_cut_off_connect_has_left_ends_with_the_connections(world: World) -> None:
    """A session that no row names, and a row whose session never came to be."""
    world.announce("dead", LAPSED)
    world.announce("w1", LEASED)
    world.open("a=", "named")
    world.sessions.claim(Session("b=", "never started", "acme/test", "p", "w1", world.worker_url, True), None)
    world.worker.sessions += ["named", "unnamed"]

    world.reaper().bury_connections()

    ended = {target for method, target in world.worker.calls if method == "DELETE"}
    assert ended == {"/sessions/named/connections/a=", "/sessions/unnamed"}
    assert world.keys() == []


def test_what_a_dead_worker_left_is_not_told_to_it(world: World, nowhere: str) -> None:
    world.announce("dead", LAPSED, nowhere)
    world.open("a=", "s1", "dead", address=nowhere)

    world.reaper().bury_connections()

    assert world.keys() == ["a="]  # until it is buried, which reads the ledger too

import json
from types import ModuleType
from typing import Any

import pytest

from mooring.errors import MooringError, ServerNotFound, Unauthorized, WorkerUnavailable
from mooring.keys import Principal
from mooring.servers import Release, Server
from mooring.sessions import Session
from mooring.workers import Worker
from tests.unit.functions.loading import event, load

SCHEMA = {
    "type": "object",
    "properties": {"zone": {"type": "string"}, "n": {"default": 3}},
    "required": ["zone"],
}
RELEASE = Release(id="r1", bundle="sha", launch={"command": "x"}, config_schema=SCHEMA)
WORKER = Worker("w1", "http://10.0.0.1:8080", used=0, capacity=1, lease=9e12, draining=False)


class World:
    """What the handler talks to: every table, and one worker."""

    def __init__(self) -> None:
        self.release: Release | None = RELEASE
        self.workers = [WORKER]
        self.started: list[tuple[str, str, dict[str, Any]]] = []
        self.ended: list[str] = []
        self.rows: list[Session] = []
        self.table_failure: Exception | None = None

    def verify(self, credential: str) -> Principal:
        if credential != "mk_example":
            raise Unauthorized("the API key is not known")
        return Principal("p1", "client", "k1")

    def redeem(self, ticket: str) -> tuple[Principal, dict[str, Any] | None]:
        return Principal("p2", "admin", "k2"), {"zone": "from the ticket"}

    def get(self, *which: object) -> Any:
        if len(which) == 2:
            return {"zone": "from the profile"}
        if which != ("demo/time",):
            raise ServerNotFound("none")
        return Server(
            qualified_name="Demo/Time",
            display_name="Time",
            created_at="",
            updated_at="",
            version=1,
            release=self.release,
        )

    def all(self) -> list[Worker]:
        return self.workers

    def start(self, address: str, session_id: str, order: dict[str, Any]) -> None:
        self.started.append((address, session_id, order))

    def end(self, address: str, session_id: str) -> None:
        self.ended.append(session_id)

    def put(self, session: Session) -> None:
        if self.table_failure:
            raise self.table_failure
        self.rows.append(session)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def app(world: World, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    app = load("ws_connect", monkeypatch)
    for name in ("catalog", "keys", "tickets", "profiles", "sessions", "worker_table", "workers"):
        monkeypatch.setattr(app, name, world)
    return app


def connect(app: ModuleType, **changes: str | None) -> dict[str, Any]:
    handshake = event("ws_connect/with_key")
    query = {**handshake["queryStringParameters"], **changes}
    handshake["queryStringParameters"] = {name: value for name, value in query.items() if value is not None}
    answer: dict[str, Any] = app.handler(handshake, None)
    return answer


def test_a_handshake_starts_a_session_and_selects_the_offered_subprotocol(
    app: ModuleType, world: World
) -> None:
    assert connect(app) == {"statusCode": 200, "headers": {"Sec-WebSocket-Protocol": "mcp"}}
    ((address, session_id, order),) = world.started
    assert address == WORKER.address
    assert order["config"] == {"zone": "UTC", "n": 3}
    assert (order["launch"], order["bundle"], order["is_owner"]) == (RELEASE.launch, "sha", False)
    assert world.rows == [Session("aZ3kPcKVoAMCIhw=", session_id, "demo/time", "p1", "w1", WORKER.address)]


def test_no_subprotocol_is_selected_where_none_of_ours_was_offered(app: ModuleType) -> None:
    handshake = event("ws_connect/with_key")
    handshake["headers"]["Sec-WebSocket-Protocol"] = "mcp2, other"
    assert app.handler(handshake, None) == {"statusCode": 200, "headers": {}}


def test_the_configuration_is_in_no_row(app: ModuleType, world: World) -> None:
    connect(app)
    assert "UTC" not in repr(world.rows)


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({"api_key": None}, 401, "Unauthorized"),
        ({"api_key": "mk_wrong"}, 401, "Unauthorized"),
        ({"_server": "demo/other"}, 404, "ServerNotFound"),
        ({"config": "!"}, 422, "InvalidConfig"),
        ({"config": None}, 422, "InvalidConfig"),
    ],
)
def test_a_refusal_has_its_own_status_and_starts_nothing(
    app: ModuleType, world: World, changes: dict[str, str | None], status: int, error: str
) -> None:
    answer = connect(app, **changes)
    assert answer["statusCode"] == status
    assert json.loads(answer["body"])["error"] == error
    assert world.started == []


def test_a_missing_property_is_pointed_at(app: ModuleType) -> None:
    answer = connect(app, config=None)
    assert json.loads(answer["body"])["errors"] == [{"pointer": "/zone", "reason": "is required"}]


def test_a_listed_server_without_a_release_is_a_conflict(app: ModuleType, world: World) -> None:
    world.release = None
    assert connect(app)["statusCode"] == 409


def test_without_room_the_client_is_told_when_to_come_back(app: ModuleType, world: World) -> None:
    world.workers = []
    answer = connect(app)
    assert answer["statusCode"] == 503
    assert answer["headers"]["Retry-After"] == "2"


def test_a_ticket_brings_its_own_principal_and_configuration(app: ModuleType, world: World) -> None:
    assert connect(app, api_key=None, config=None, ticket="t")["statusCode"] == 200
    ((_, _, order),) = world.started
    assert order["config"]["zone"] == "from the ticket"
    assert order["is_owner"] is True


def test_a_profile_is_the_configuration_below_what_the_url_says(app: ModuleType, world: World) -> None:
    connect(app, config=None, profile="mine")
    connect(app, config=None, profile="mine", zone="from the url")
    assert [order["config"]["zone"] for _, _, order in world.started] == ["from the profile", "from the url"]


@pytest.mark.parametrize("failure", [WorkerUnavailable("table"), RuntimeError("a secret detail")])
def test_a_session_whose_row_cannot_be_written_is_ended_again(
    app: ModuleType, world: World, failure: MooringError | RuntimeError
) -> None:
    world.table_failure = failure
    answer = connect(app)
    assert answer["statusCode"] in (500, 503)
    assert "a secret detail" not in answer["body"]
    assert world.ended == [session_id for _, session_id, _ in world.started]

import json
from dataclasses import replace
from types import ModuleType

import pytest

from mooring import surface
from mooring.bundle_store import BundleStore
from mooring.errors import MooringError, WorkerUnavailable
from mooring.sessions import Session
from mooring.settings import AwsSettings
from tests.unit.functions.loading import event, load
from tests.unit.functions.world import RELEASE, WORKER, World, connect


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def app(world: World, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    app = load("ws_connect", monkeypatch)
    for name in ("catalog", "keys", "tickets", "profiles", "sessions", "worker_table", "workers"):
        monkeypatch.setattr(app, name, world)
    return app


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
    assert world.demands == 1
    assert answer["headers"]["Retry-After"] == "2"


def test_a_ticket_brings_its_own_principal_and_configuration(app: ModuleType, world: World) -> None:
    assert connect(app, api_key=None, config=None, ticket="t")["statusCode"] == 200
    ((_, _, order),) = world.started
    assert order["config"]["zone"] == "from the ticket"
    assert order["is_owner"] is True


def test_the_owner_of_a_server_is_told_why_it_fails(app: ModuleType, world: World) -> None:
    world.owner = "p1"
    assert connect(app)["statusCode"] == 200
    ((_, _, order),) = world.started
    assert order["is_owner"] is True


def test_a_key_that_may_not_connect_is_refused(app: ModuleType, world: World) -> None:
    world.scopes = frozenset({"read", "publish"})
    answer = connect(app)
    assert answer["statusCode"] == 403
    assert "the scope connect" in answer["body"]
    assert world.started == []


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


def test_a_worker_is_told_where_the_bundle_is_where_there_is_a_store_of_them(
    app: ModuleType, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = BundleStore("s3://bundles/x", AwsSettings.read({"AWS_REGION": "eu-west-1"}))
    monkeypatch.setattr(app, "bundles", store)
    connect(app)
    world.release = replace(RELEASE, bundle=None)
    connect(app)

    with_bundle, without = [order["bundle_url"] for _, _, order in world.started]
    assert with_bundle.startswith("https://bundles.s3.eu-west-1.amazonaws.com/x/sha.tar.gz?")
    assert without is None


def test_a_pin_of_what_the_server_offers_starts_it_and_is_no_configuration(
    app: ModuleType, world: World
) -> None:
    world.tools = [{"name": "now"}]
    assert connect(app, pin=surface.digest({"tools": world.tools}))["statusCode"] == 200
    ((_, _, order),) = world.started
    assert order["config"] == {"zone": "UTC", "n": 3}


@pytest.mark.parametrize(
    ("tools", "pin", "status", "error"),
    [
        (
            [{"name": "now", "description": "new"}],
            surface.digest({"tools": [{"name": "now"}]}),
            409,
            "SurfaceChanged",
        ),
        (None, surface.digest({"tools": []}), 409, "SurfaceChanged"),
        ([{"name": "now"}], "latest", 422, "InvalidRequest"),
    ],
)
def test_a_pin_of_anything_else_starts_nothing(
    app: ModuleType, world: World, tools: list[dict[str, str]] | None, pin: str, status: int, error: str
) -> None:
    world.tools, world.known_tools = tools, [{"name": "now"}]
    answer = connect(app, pin=pin)
    assert (answer["statusCode"], json.loads(answer["body"])["error"]) == (status, error)
    assert world.started == []

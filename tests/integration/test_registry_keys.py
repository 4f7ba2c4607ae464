"""Keys over HTTP and on their table: what they may do, when they end, when they were used, how often."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from mooring.dynamodb import to_item
from mooring.dynamodb_client import DynamoDBClient
from mooring.errors import Forbidden, Unauthorized
from mooring.keys import OF_ROLE, KeyTable, Principal, Role
from mooring.registry_api import create_app
from mooring.settings import AwsSettings
from mooring_local import tables
from tests.integration.registry import Registry

pytestmark = pytest.mark.integration


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["boto3", "ours"])
def client(request: pytest.FixtureRequest, running_registry: Registry) -> Any:
    """Each of the two clients that the table is given: the registry's and the WebSocket functions'."""
    if request.param == "boto3":
        return running_registry.dynamodb
    return DynamoDBClient(AwsSettings.read(running_registry.emulator.variables))


@pytest.fixture
def keys(client: Any, clock: Clock) -> KeyTable:
    return KeyTable(client, tables.name("keys"), clock)


class Counting:
    """A client that counts what is written."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.written = 0
        self.failure: Exception | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def update_item(self, **request: Any) -> Any:
        self.written += 1
        if self.failure:
            raise self.failure
        return self._client.update_item(**request)


class Stale:
    """A client that reads again what it has read first."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._first: Any = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def get_item(self, **request: Any) -> Any:
        self._first = self._first or self._client.get_item(**request)
        return self._first


class TestScopes:
    @pytest.mark.parametrize("role", ["client", "publisher", "admin"])
    def test_a_role_stands_for_its_scopes(self, running_registry: Registry, role: Role) -> None:
        made = running_registry.client().post("/keys", json={"name": "x", "role": role}).json()
        assert (made["role"], frozenset(made["scopes"])) == (role, OF_ROLE[role])

    def test_scopes_can_be_chosen(self, running_registry: Registry) -> None:
        made = running_registry.client().post("/keys", json={"name": "x", "scopes": ["publish", "read"]})
        assert (made.json()["role"], made.json()["scopes"]) == (None, ["read", "publish"])
        principal = running_registry.keys.verify(made.json()["key"])
        principal.require("publish")
        with pytest.raises(Forbidden, match="the scope connect; yours has read, publish"):
            principal.require("connect")

    def test_admin_is_everything(self) -> None:
        Principal("p", frozenset({"admin"}), "k").require("connect")

    def test_without_the_scope_there_are_no_tickets_and_profiles(self, running_registry: Registry) -> None:
        http = running_registry.client(running_registry.keys.create("x", scopes=["read"])[1])
        assert http.post("/tickets").status_code == 403
        assert http.get("/profiles").status_code == 403
        assert http.get("/servers").status_code == 200

    @pytest.mark.parametrize(
        "body",
        [
            {"role": "client", "scopes": ["read"]},
            {"scopes": []},
            {"scopes": ["everything"]},
            {"expiresInSeconds": 0},
            {"expiresAt": "2020-01-01T00:00:00Z"},
            {"expiresAt": "2090-01-01T00:00:00"},
            {"expiresAt": "2090-01-01T00:00:00Z", "expiresInSeconds": 5},
        ],
    )
    def test_a_key_that_makes_no_sense_is_not_made(
        self, running_registry: Registry, body: dict[str, Any]
    ) -> None:
        answer = running_registry.client().post("/keys", json={"name": "x", **body})
        assert answer.status_code == 422
        assert any(field in answer.json()["message"] for field in body)


@pytest.mark.parametrize(("role", "may"), [("admin", True), ("client", False)])
def test_a_row_of_the_time_before_scopes_still_verifies(
    keys: KeyTable, client: Any, role: str, may: bool
) -> None:
    key, secret = keys.create("old")
    found = next(
        item for item in client.scan(TableName=tables.name("keys"))["Items"] if item["id"]["S"] == key.id
    )
    row = {"key_hash": found["key_hash"]["S"], "id": key.id, "name": "old", "role": role}
    row |= {"principal": "p", "created_at": "2026-11-20T12:00:00.000Z"}
    client.put_item(TableName=tables.name("keys"), Item=to_item(row))
    principal = keys.verify(secret)
    assert (principal.id, principal.may("publish"), principal.may("connect")) == ("p", may, True)
    (listed,) = [one for one in keys.list() if one.id == key.id]
    assert (listed.role, listed.prefix) == (role, "mk_")


class TestExpiry:
    def test_a_key_works_until_it_expires_and_says_why_it_does_not(
        self, keys: KeyTable, clock: Clock
    ) -> None:
        key, secret = keys.create("x", expires_at=clock.now + 3)
        assert keys.verify(secret).key_id == key.id
        clock.now += 2.9
        keys.verify(secret)
        clock.now += 0.1  # within the time for which a key is trusted that has just been seen
        with pytest.raises(Unauthorized, match=r"expired at 2027-01-15T08:00:03\.000Z"):
            keys.verify(secret)

    def test_it_is_given_as_a_time_or_as_seconds(self, running_registry: Registry) -> None:
        admin = running_registry.client()
        at = admin.post("/keys", json={"name": "x", "expiresAt": "2090-01-01T01:00:00+01:00"}).json()
        assert at["expiresAt"] == "2090-01-01T00:00:00.000Z"
        soon = admin.post("/keys", json={"name": "x", "expiresInSeconds": 3600}).json()
        assert soon["expiresAt"] > soon["createdAt"]
        assert running_registry.client(soon["key"]).get("/servers").status_code == 200


class TestLastUse:
    def test_it_is_written_once_a_minute_by_all_processes_together(
        self, client: Any, clock: Clock, keys: KeyTable
    ) -> None:
        key, secret = keys.create("x")

        def last_use() -> str | None:
            return next(one.last_used_at for one in keys.list() if one.id == key.id)

        assert last_use() is None
        counting = Counting(client)
        processes = [KeyTable(counting, tables.name("keys"), clock) for _ in range(3)]
        for second in range(0, 60, 6):
            for process in processes:
                process.verify(secret)
            assert (counting.written, last_use()) == (1, "2027-01-15T08:00:00.000Z"), second
            clock.now += 6
        for process in processes:
            process.verify(secret)
        assert (counting.written, last_use()) == (2, "2027-01-15T08:01:00.000Z")

    def test_who_has_read_an_old_row_does_not_write_over_a_new_one(
        self, client: Any, keys: KeyTable, clock: Clock
    ) -> None:
        key, secret = keys.create("x")
        stale = Stale(client)
        assert KeyTable(stale, tables.name("keys"), clock).verify(secret)
        clock.now += 59
        assert KeyTable(stale, tables.name("keys"), clock).verify(secret)
        (listed,) = [one for one in keys.list() if one.id == key.id]
        assert listed.last_used_at == "2027-01-15T08:00:00.000Z"

    def test_a_failure_to_write_it_is_no_failure_to_verify(
        self, client: Any, keys: KeyTable, clock: Clock
    ) -> None:
        _, secret = keys.create("x")
        counting = Counting(client)
        with pytest.raises(client.exceptions.ClientError) as refused:
            client.update_item(
                TableName="no-such-table", Key={"key_hash": {"S": "x"}}, UpdateExpression="SET a = b"
            )
        counting.failure = refused.value
        assert KeyTable(counting, tables.name("keys"), clock).verify(secret)
        assert counting.written == 1

    def test_a_list_tells_keys_apart_and_not_what_they_are(self, running_registry: Registry) -> None:
        admin = running_registry.client()
        made = admin.post("/keys", json={"name": "x", "principal": "team"}).json()
        running_registry.client(made["key"]).get("/servers")
        (listed,) = [key for key in admin.get("/keys").json()["keys"] if key["id"] == made["id"]]
        assert listed["prefix"] == made["key"][:7] + "…"
        assert made["key"][7:] not in json.dumps(listed)
        assert listed["lastUsedAt"] >= listed["createdAt"]
        assert (listed["principal"], listed["revokedAt"], listed["expiresAt"]) == ("team", None, None)


class TestRates:
    @pytest.fixture
    def limited(self, running_registry: Registry) -> Iterator[Registry]:
        app = create_app(
            running_registry.catalog,
            running_registry.editor,
            running_registry.keys,
            running_registry.tickets,
            running_registry.profiles,
            ws_url="wss://host",
            public_url="https://host",
            key_requests_per_minute=3,
        )
        yield Registry(**{**vars(running_registry), "app": app})

    def test_a_key_over_its_limit_is_told_when_to_come_back(self, limited: Registry) -> None:
        _, first = limited.new_principal()
        _, second = limited.new_principal()
        http = limited.client(first)
        left = [http.get("/profiles").headers["RateLimit"] for _ in range(3)]
        assert [one.partition(";t=")[0] for one in left] == [f'"key";r={n}' for n in (2, 1, 0)]
        refused = http.get("/profiles")
        assert (refused.status_code, refused.json()["error"]) == (429, "LimitReached")
        assert 1 <= int(refused.headers["Retry-After"]) <= 20
        assert refused.headers["RateLimit-Policy"] == '"key";q=3;w=60'
        assert limited.client(second).get("/profiles").status_code == 200

    def test_without_a_limit_there_are_no_headers(self, running_registry: Registry) -> None:
        assert "RateLimit" not in running_registry.client().get("/keys").headers

"""Who may do what: keys (`mooring.whoami_api`), tickets, profiles, sealing, over HTTP and on the tables."""

import json
from collections.abc import Iterator

import pytest

from mooring.errors import InvalidConfig, InvalidRequest, Unauthorized
from mooring.keys import OF_ROLE, KeyTable, Principal, Scope
from mooring.profiles import ProfileTable
from mooring.sealing import KmsSealer, LocalSealer, Sealer
from mooring.tickets import TicketTable
from mooring_local import tables
from tests.integration import registry
from tests.integration.registry import Registry

pytestmark = pytest.mark.integration

SECRET = "sk-9f8e7d6c"


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with registry.running(tmp_path_factory.mktemp("registry")) as one:
        yield one


@pytest.fixture(scope="module", params=["local", "kms"])
def sealer(request: pytest.FixtureRequest, running: Registry) -> Iterator[Sealer]:
    """Each of the two; what follows holds for both."""
    if request.param == "local":
        yield LocalSealer(bytes(32))
        return
    with running.emulator.client("kms") as kms:
        yield KmsSealer(kms.create_key()["KeyMetadata"]["KeyId"], kms)


class TestKeysOverHttp:
    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("GET", "/servers"),
            ("GET", "/servers/acme/weather"),
            ("PUT", "/servers/acme/weather"),
            ("POST", "/tickets"),
            ("GET", "/keys"),
            ("GET", "/openapi.json"),
            ("GET", "/nothing/here"),
        ],
    )
    @pytest.mark.parametrize(
        "headers",
        [{}, {"Authorization": "Bearer mk_unknown"}, {"Authorization": "Basic eDp5"}, {"Authorization": "x"}],
    )
    def test_without_a_valid_key_every_path_is_401(
        self, running: Registry, method: str, path: str, headers: dict[str, str]
    ) -> None:
        http = running.client()
        del http.headers["Authorization"]
        answer = http.request(method, path, headers=headers, content=b"{")
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert answer.json()["error"] == "Unauthorized"

    def test_a_key_in_the_url_does_not_count_here(self, running: Registry) -> None:
        http = running.client()
        del http.headers["Authorization"]
        assert http.get("/servers", params={"api_key": running.admin_key}).status_code == 401

    def test_health_needs_no_key(self, running: Registry) -> None:
        http = running.client()
        del http.headers["Authorization"]
        assert http.get("/_/health").status_code == 200

    def test_a_created_key_works_and_is_shown_once(self, running: Registry) -> None:
        admin = running.client()
        created = admin.post("/keys", json={"name": "ada", "role": "client"})
        assert created.status_code == 201
        secret = created.json().pop("key")
        assert secret.startswith("mk_")
        assert len(secret) == 3 + 43
        assert running.client(secret).get("/servers").status_code == 200
        listed = admin.get("/keys")
        assert secret not in listed.text
        assert created.json()["id"] in [key["id"] for key in listed.json()["keys"]]

    def test_a_revoked_key_stops_working_and_stays_listed(self, running: Registry) -> None:
        admin = running.client()
        created = admin.post("/keys", json={"name": "ada"}).json()
        client = running.client(created["key"])
        assert client.get("/servers").status_code == 200
        assert admin.delete(f"/keys/{created['id']}").status_code == 204
        assert client.get("/servers").status_code == 401
        (listed,) = [key for key in admin.get("/keys").json()["keys"] if key["id"] == created["id"]]
        assert listed["revokedAt"] is not None
        assert admin.delete(f"/keys/{created['id']}").status_code == 204

    def test_an_unknown_key_cannot_be_revoked(self, running: Registry) -> None:
        assert running.client().delete("/keys/none").status_code == 404

    @pytest.mark.parametrize(
        ("method", "path", "body"),
        [
            ("POST", "/keys", {"name": "x", "role": "admin"}),
            ("GET", "/keys", None),
            ("DELETE", "/keys/any", None),
            ("PUT", "/servers/acme/weather", {}),
            ("PATCH", "/servers/acme/weather", {}),
            ("DELETE", "/servers/acme/weather", None),
        ],
    )
    def test_what_is_the_admins_is_forbidden_to_a_client(
        self, running: Registry, method: str, path: str, body: dict[str, str] | None
    ) -> None:
        _, key = running.new_principal()
        answer = running.client(key).request(method, path, json=body)
        assert answer.status_code == 403
        assert answer.json()["error"] == "Forbidden"

    def test_a_role_nobody_knows_is_refused(self, running: Registry) -> None:
        answer = running.client().post("/keys", json={"name": "x", "role": "root"})
        assert answer.status_code == 422
        assert answer.json()["message"] == "role must be 'client', 'publisher' or 'admin'"


class TestWhoAmI:
    def test_a_key_is_told_whom_it_speaks_for_and_what_it_may(self, running: Registry) -> None:
        key, secret = running.keys.create("ada", "publisher", "ada of acme")
        http = running.client(secret)
        about = {"principal": "ada of acme", "keyId": key.id, "scopes": ["read", "connect", "publish"]}
        assert http.get("/whoami").json() == {**about, "namespaces": []}
        assert http.put("/servers/of-ada/weather", json={}).status_code == 201
        assert http.get("/whoami").json()["namespaces"] == ["of-ada"]

    @pytest.mark.parametrize("scope", ["read", "connect"])
    def test_every_key_may_ask(self, running: Registry, scope: Scope) -> None:
        _, secret = running.keys.create("ada", scopes=[scope])
        assert running.client(secret).get("/whoami").json()["scopes"] == [scope]


class TestKeyTable:
    def test_the_table_never_holds_the_key(self, running: Registry) -> None:
        key, secret = running.keys.create("ada", "client", "team-a")
        rows = running.dynamodb.scan(TableName=tables.name("keys"))["Items"]
        assert secret not in json.dumps(rows)
        assert running.keys.verify(secret) == Principal("team-a", OF_ROLE["client"], key.id)

    def test_a_key_without_a_principal_speaks_for_itself_alone(self, running: Registry) -> None:
        first, second = (running.new_principal()[0] for _ in range(2))
        assert first.id != second.id

    def test_a_process_that_has_seen_a_key_trusts_it_for_five_seconds_at_most(
        self, running: Registry
    ) -> None:
        clock = Clock()
        elsewhere = KeyTable(running.dynamodb, tables.name("keys"), clock)
        key, secret = running.keys.create("ada", "client")
        elsewhere.verify(secret)
        running.keys.revoke(key.id)
        clock.now += 4.9
        elsewhere.verify(secret)
        clock.now += 0.2
        with pytest.raises(Unauthorized):
            elsewhere.verify(secret)

    @pytest.mark.parametrize("secret", ["", "mk_", "mk_\ud800", "x" * 100_000])
    def test_what_was_never_a_key_is_unauthorized(self, running: Registry, secret: str) -> None:
        with pytest.raises(Unauthorized):
            running.keys.verify(secret)


class TestTickets:
    def test_a_ticket_speaks_for_who_made_it_and_carries_a_configuration(self, running: Registry) -> None:
        principal, key = running.new_principal()
        answer = running.client(key).post("/tickets", json={"config": {"apiKey": SECRET}})
        assert answer.status_code == 201
        assert answer.json()["expiresInSeconds"] == 60
        assert running.tickets.redeem(answer.json()["ticket"]) == (principal, {"apiKey": SECRET})

    @pytest.mark.parametrize("body", [None, {}, {"config": None}])
    def test_a_ticket_needs_no_configuration(self, running: Registry, body: dict[str, None] | None) -> None:
        principal, key = running.new_principal()
        ticket = running.client(key).post("/tickets", json=body).json()["ticket"]
        assert running.tickets.redeem(ticket) == (principal, None)

    def test_a_ticket_works_once(self, running: Registry, sealer: Sealer) -> None:
        tickets = TicketTable(running.dynamodb, tables.name("tickets"), sealer)
        ticket = tickets.create(running.new_principal()[0], {})
        assert tickets.redeem(ticket)[1] == {}
        with pytest.raises(Unauthorized):
            tickets.redeem(ticket)

    def test_a_ticket_ends_after_a_minute_even_if_its_row_is_still_there(self, running: Registry) -> None:
        """DynamoDB's TTL deletes within days."""
        clock = Clock()
        tickets = TicketTable(running.dynamodb, tables.name("tickets"), LocalSealer(bytes(32)), clock)
        principal, _ = running.new_principal()
        in_time, late = tickets.create(principal), tickets.create(principal)
        clock.now += 59
        tickets.redeem(in_time)
        clock.now += 1
        with pytest.raises(Unauthorized):
            tickets.redeem(late)

    @pytest.mark.parametrize("ticket", ["", "mt_guess", "\ud800"])
    def test_a_guess_is_unauthorized(self, running: Registry, ticket: str) -> None:
        with pytest.raises(Unauthorized):
            running.tickets.redeem(ticket)

    def test_the_table_holds_neither_the_ticket_nor_the_secret(
        self, running: Registry, sealer: Sealer
    ) -> None:
        tickets = TicketTable(running.dynamodb, tables.name("tickets"), sealer)
        ticket = tickets.create(running.new_principal()[0], {"apiKey": SECRET})
        rows = repr(running.dynamodb.scan(TableName=tables.name("tickets"))["Items"])
        assert ticket not in rows
        assert SECRET not in rows

    def test_a_configuration_that_is_too_large_is_refused(self, running: Registry) -> None:
        answer = running.client().post("/tickets", json={"config": {"a": "x" * 4096}})
        assert answer.status_code == 422
        assert "4096" in answer.json()["message"]


class TestProfiles:
    def test_a_profile_is_stored_named_and_deleted_and_never_given_back(self, running: Registry) -> None:
        principal, key = running.new_principal()
        http = running.client(key)
        stored = http.put("/profiles/work", json={"config": {"apiKey": SECRET}})
        assert stored.json() == {"name": "work"}
        http.put("/profiles/home", json={"config": {}})
        listed = http.get("/profiles")
        assert listed.json() == {"profiles": [{"name": "home"}, {"name": "work"}]}
        assert SECRET not in listed.text + stored.text
        assert http.get("/profiles/work").status_code == 405
        assert running.profiles.get(principal, "work") == {"apiKey": SECRET}
        assert http.delete("/profiles/work").status_code == 204
        assert http.get("/profiles").json() == {"profiles": [{"name": "home"}]}

    def test_a_profile_belongs_to_its_principal(self, running: Registry) -> None:
        (ada, _), (eve, _) = running.new_principal(), running.new_principal()
        running.profiles.put(ada, "work", {"apiKey": SECRET})
        assert running.profiles.names(eve) == []
        with pytest.raises(InvalidRequest):
            running.profiles.get(eve, "work")

    def test_a_profile_is_replaced(self, running: Registry, sealer: Sealer) -> None:
        profiles = ProfileTable(running.dynamodb, tables.name("profiles"), sealer)
        principal, _ = running.new_principal()
        for config in ({"a": 1}, {"b": [True, None, 1.5, "ü"]}):
            profiles.put(principal, "work", config)
        assert profiles.get(principal, "work") == {"b": [True, None, 1.5, "ü"]}

    def test_a_row_copied_to_another_principal_does_not_open(self, running: Registry, sealer: Sealer) -> None:
        profiles = ProfileTable(running.dynamodb, tables.name("profiles"), sealer)
        (ada, _), (eve, _) = running.new_principal(), running.new_principal()
        profiles.put(ada, "work", {"apiKey": SECRET})
        key = {"principal": {"S": ada.id}, "profile": {"S": "work"}}
        row = running.dynamodb.get_item(TableName=tables.name("profiles"), Key=key)["Item"]
        assert SECRET.encode() not in row["config"]["B"]
        running.dynamodb.put_item(TableName=tables.name("profiles"), Item={**row, "principal": {"S": eve.id}})
        with pytest.raises(InvalidConfig):
            profiles.get(eve, "work")

    @pytest.mark.parametrize("name", ["a b", ".hidden", "x" * 65, "é"])
    def test_a_name_that_is_none_is_refused(self, running: Registry, name: str) -> None:
        assert running.client().put(f"/profiles/{name}", json={"config": {}}).status_code == 422

    @pytest.mark.parametrize("body", [{}, {"config": [1]}, {"config": SECRET}, {"config": {}, "more": 1}])
    def test_a_body_that_does_not_fit_is_refused_without_repeating_it(
        self, running: Registry, body: object
    ) -> None:
        answer = running.client().put("/profiles/work", json=body)
        assert answer.status_code == 422
        assert SECRET not in answer.text

"""How the owner of a listed server comes to own it here (`mooring.claims`), over HTTP."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from fastapi.testclient import TestClient

from mooring.claims import Claims
from mooring.keys import Role
from mooring.registry_api import create_app
from mooring_local import tables
from tests.integration.registry import OPERATOR, Registry, publish
from tests.unit import public_world
from tests.unit.public_world import PublicWorld

pytestmark = pytest.mark.integration

SOURCE = {"registry": "r", "name": "acme/weather"}
RAW = "https://raw.githubusercontent.com/acme/weather/HEAD/mooring-claim.txt"
WELL_KNOWN = "https://acme.test/.well-known/mooring-claim"
RECORD = "_mooring-claim.acme.test"
DAY = 86_400


@dataclass
class Clock:
    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Claiming:
    """The registry, with a public world to look at; ada is who claims, and has a key of her own."""

    registry: Registry
    world: PublicWorld
    clock: Clock
    admin: TestClient
    principals: dict[int, str] = field(default_factory=dict)

    def new(self, role: Role, principal: str | None = None) -> TestClient:
        key, secret = self.registry.keys.create("test", role, principal)
        client = TestClient(
            self.admin.app, headers={"Authorization": f"Bearer {secret}"}, raise_server_exceptions=False
        )
        self.principals[id(client)] = key.principal
        return client

    def lists(self, name: str = "acme/weather", **said: Any) -> None:
        """List a server as an import does."""
        about = {
            "source": SOURCE,
            "repository": "https://github.com/acme/weather",
            "homepage": "https://acme.test/weather",
        }
        publish(self.admin, name, **{**about, **said})

    def puts(self, method: str, content: str) -> None:
        """Do as the owner of the place would."""
        match method:
            case "file":
                self.world.pages[RAW] = f"# of Mooring\n{content}\n"
            case "well-known":
                self.world.pages[WELL_KNOWN] = content
            case "dns":
                self.world.texts[RECORD] = ["other", content]

    def owner(self, name: str = "acme/weather") -> str:
        owner: str = self.admin.get(f"/servers/{name}").json()["owner"]
        return owner

    def rows(self) -> str:
        pages = self.registry.dynamodb.scan(TableName=tables.name("catalog"))["Items"]
        return json.dumps([row for row in pages if row["item"]["S"].startswith("claim#")])


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PublicWorld]:
    with public_world.running(tmp_path_factory.mktemp("world")) as world:
        yield world


@pytest.fixture
def claiming(running_registry: Registry, world: PublicWorld) -> Iterator[Claiming]:
    one, clock = running_registry, Clock()
    app = create_app(
        one.catalog,
        one.editor,
        one.keys,
        one.tickets,
        one.profiles,
        claims=Claims(one.dynamodb, tables.name("catalog"), one.editor, one.keys, world.proofs, clock),
        ws_url="wss://host",
        public_url="https://host",
    )
    world.forget()
    admin = TestClient(
        app, headers={"Authorization": f"Bearer {one.admin_key}"}, raise_server_exceptions=False
    )
    yield Claiming(one, world, clock, admin)
    one.forget_servers()


def challenge(client: TestClient, method: str, name: str = "acme/weather") -> dict[str, Any]:
    answer = client.post(f"/servers/{name}/claims", json={"method": method})
    assert answer.status_code == 201, answer.text
    asked: dict[str, Any] = answer.json()
    return asked


def verified(client: TestClient, name: str = "acme/weather") -> int:
    return client.post(f"/servers/{name}/claims/verify").status_code


@pytest.mark.parametrize("method", ["file", "dns", "well-known"])
def test_who_puts_the_token_where_the_record_says_becomes_the_owner(claiming: Claiming, method: str) -> None:
    claiming.lists("Acme/Weather")
    ada = claiming.new("publisher", "ada")
    asked = challenge(ada, method, "@Acme%2FWeather")
    assert asked["content"] == f"mooring-claim={asked['token']}"
    assert len(asked["token"]) == 43
    assert asked["expiresAt"] == "2027-01-22T08:00:00.000Z"
    refused = ada.post("/servers/acme/weather/claims/verify")
    assert (refused.status_code, refused.json()["error"]) == (422, "NotProven")
    assert refused.json()["where"] == asked["where"]
    assert refused.json()["expected"] == "mooring-claim=<the token of your challenge>"
    assert refused.json()["found"]

    claiming.puts(method, asked["content"])
    claiming.clock.now += 5
    answer = ada.post("/servers/Acme/Weather/claims/verify")

    assert (answer.status_code, answer.json()["owner"]) == (200, "ada")
    assert ada.patch("/servers/acme/weather", json={"license": "MIT"}).status_code == 200
    assert claiming.rows() == "[]"


def test_the_table_has_the_hash_of_the_token_alone(claiming: Claiming) -> None:
    claiming.lists()
    asked = challenge(claiming.new("publisher", "ada"), "file")
    assert '"claim#ada"' in claiming.rows()
    assert asked["token"] not in claiming.rows()


def test_a_token_counts_for_who_asked_for_it(claiming: Claiming) -> None:
    claiming.lists()
    ada, eve = claiming.new("publisher", "ada"), claiming.new("publisher", "eve")
    claiming.puts("file", challenge(ada, "file")["content"])
    assert verified(eve) == 409
    challenge(eve, "file")
    assert verified(eve) == 422
    assert verified(ada) == 200


def test_a_claim_that_is_copied_to_another_principal_or_server_proves_nothing(claiming: Claiming) -> None:
    claiming.lists()
    claiming.lists("acme/tides")
    eve = claiming.new("publisher", "eve")
    claiming.puts("file", challenge(claiming.new("publisher", "ada"), "file")["content"])
    dynamodb, table = claiming.registry.dynamodb, tables.name("catalog")
    key = {"server": {"S": "acme/weather"}, "item": {"S": "claim#ada"}}
    row = dynamodb.get_item(TableName=table, Key=key)["Item"]
    of_eve = {"item": {"S": "claim#eve"}, "principal": {"S": "eve"}}
    dynamodb.put_item(TableName=table, Item={**row, **of_eve})
    dynamodb.put_item(TableName=table, Item={**row, **of_eve, "server": {"S": "acme/tides"}})
    assert verified(eve) == 422
    assert verified(eve, "acme/tides") == 422


def test_a_new_challenge_takes_the_place_of_the_one_before(claiming: Claiming) -> None:
    claiming.lists()
    ada = claiming.new("publisher", "ada")
    first = challenge(ada, "file")
    challenge(ada, "dns")
    claiming.puts("file", first["content"])
    assert verified(ada) == 422


def test_a_challenge_is_over_after_seven_days(claiming: Claiming) -> None:
    claiming.lists()
    ada = claiming.new("publisher", "ada")
    claiming.puts("file", challenge(ada, "file")["content"])
    claiming.clock.now += 7 * DAY
    refused = ada.post("/servers/acme/weather/claims/verify")
    assert (refused.status_code, refused.json()["error"]) == (409, "Conflict")
    assert "POST /servers/acme/weather/claims" in refused.json()["message"]


@pytest.mark.parametrize(
    "changed",
    [
        {"repository": "https://github.com/eve/weather"},
        {"repository": ""},
    ],
)
def test_a_record_that_names_another_place_by_now_makes_a_challenge_worthless(
    claiming: Claiming, changed: dict[str, str]
) -> None:
    claiming.lists()
    ada = claiming.new("publisher", "ada")
    claiming.puts("file", challenge(ada, "file")["content"])
    claiming.admin.patch("/servers/acme/weather", json=changed).raise_for_status()
    assert verified(ada) in (409, 422)
    claiming.lists()
    assert claiming.owner() != "ada"


def test_a_change_of_what_proves_nothing_leaves_a_challenge_as_it_is(claiming: Claiming) -> None:
    claiming.lists()
    ada = claiming.new("publisher", "ada")
    claiming.puts("file", challenge(ada, "file")["content"])
    claiming.admin.patch("/servers/acme/weather", json={"description": "new"}).raise_for_status()
    assert verified(ada) == 200


def test_a_server_that_gets_another_owner_meanwhile_is_not_given_away(claiming: Claiming) -> None:
    claiming.lists()
    ada = claiming.new("publisher", "ada")
    claiming.new("admin", "second operator")
    claiming.puts("file", challenge(ada, "file")["content"])
    given = claiming.admin.post("/servers/acme/weather/transfer", json={"principal": "second operator"})
    assert given.status_code == 200
    refused = ada.post("/servers/acme/weather/claims/verify")
    assert (refused.status_code, refused.json()["error"]) == (409, "Conflict")


class TestWhatCanBeClaimed:
    @pytest.mark.parametrize("method", ["file", "dns", "well-known", "operator"])
    def test_never_what_its_owner_published_here(self, claiming: Claiming, method: str) -> None:
        publish(
            claiming.new("publisher", "bob"), "acme/weather", repository="https://github.com/acme/weather"
        )
        refused = claiming.new("publisher").post("/servers/acme/weather/claims", json={"method": method})
        assert (refused.status_code, refused.json()["error"]) == (409, "NotClaimable")

    def test_what_an_operator_published_and_what_is_nobodys(self, claiming: Claiming) -> None:
        claiming.lists(source=None)
        challenge(claiming.new("publisher"), "file")
        claiming.registry.editor.patch("acme/weather", {"owner": ""}, OPERATOR)
        challenge(claiming.new("publisher"), "file")

    def test_what_an_operator_listed_whose_key_is_gone(self, claiming: Claiming) -> None:
        key, secret = claiming.registry.keys.create("old", "admin", "old operator")
        old = TestClient(claiming.admin.app, headers={"Authorization": f"Bearer {secret}"})
        publish(old, "acme/weather", repository="https://github.com/acme/weather")
        claiming.registry.keys.revoke(key.id)
        challenge(claiming.new("publisher"), "file")

    def test_not_what_belongs_to_who_is_no_operator_any_more(self, claiming: Claiming) -> None:
        key, secret = claiming.registry.keys.create("old", "admin", "now a publisher")
        old = TestClient(claiming.admin.app, headers={"Authorization": f"Bearer {secret}"})
        publish(old, "acme/weather", repository="https://github.com/acme/weather")
        claiming.registry.keys.revoke(key.id)
        claiming.new("publisher", "now a publisher")
        refused = claiming.new("publisher").post("/servers/acme/weather/claims", json={"method": "file"})
        assert refused.json()["error"] == "NotClaimable"

    def test_not_what_is_claimed_and_not_ones_own(self, claiming: Claiming) -> None:
        claiming.lists()
        ada = claiming.new("publisher", "ada")
        claiming.puts("file", challenge(ada, "file")["content"])
        assert verified(ada) == 200
        for other in (ada, claiming.new("publisher")):
            refused = other.post("/servers/acme/weather/claims", json={"method": "file"})
            assert (refused.status_code, refused.json()["error"]) == (409, "NotClaimable")

    def test_not_what_is_deleted_unlisted_or_never_was(self, claiming: Claiming) -> None:
        claiming.lists()
        claiming.lists("acme/secret", unlisted=True)
        claiming.admin.delete("/servers/acme/weather")
        ada = claiming.new("publisher")
        for name in ("acme/weather", "acme/secret", "acme/nothing"):
            assert ada.post(f"/servers/{name}/claims", json={"method": "file"}).status_code == 404
            assert verified(ada, name) == 404

    def test_a_record_without_a_place_says_what_it_lacks(self, claiming: Claiming) -> None:
        claiming.lists(repository="", homepage="")
        refused = claiming.new("publisher").post("/servers/acme/weather/claims", json={"method": "file"})
        assert refused.status_code == 422
        assert "file needs a repository in the record" in refused.json()["message"]


def test_a_claim_is_checked_every_five_seconds_at_most(claiming: Claiming) -> None:
    """Each check has the platform ask somebody else's host."""
    claiming.lists()
    ada = claiming.new("publisher")
    challenge(ada, "file")
    assert verified(ada) == 422
    asked = len(claiming.world.asked)
    refused = ada.post("/servers/acme/weather/claims/verify")
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "5")
    assert len(claiming.world.asked) == asked
    claiming.clock.now += 5
    assert verified(ada) == 422


class TestByAnOperator:
    def test_the_request_waits_until_it_is_approved(self, claiming: Claiming) -> None:
        claiming.lists()
        ada = claiming.new("publisher", "ada")
        asked = ada.post("/servers/acme/weather/claims", json={"method": "operator", "message": "it is mine"})
        assert (asked.json()["token"], asked.json()["content"]) == (None, None)
        assert verified(ada) == 409
        (waiting,) = claiming.admin.get("/claims").json()["claims"]
        assert (
            waiting.items() >= {"server": "acme/weather", "principal": "ada", "message": "it is mine"}.items()
        )
        answer = claiming.admin.post("/servers/acme/weather/claims/approve", json={"principal": "ada"})
        assert (answer.status_code, answer.json()["owner"]) == (200, "ada")
        assert claiming.admin.get("/claims").json() == {"claims": []}

    def test_a_request_that_is_rejected_is_gone(self, claiming: Claiming) -> None:
        claiming.lists()
        ada = claiming.new("publisher", "ada")
        challenge(ada, "operator")
        body = {"principal": "ada"}
        assert claiming.admin.post("/servers/acme/weather/claims/reject", json=body).status_code == 204
        assert claiming.admin.get("/claims").json() == {"claims": []}
        assert claiming.admin.post("/servers/acme/weather/claims/approve", json=body).status_code == 409
        assert claiming.owner() != "ada"

    def test_a_challenge_is_nothing_to_approve(self, claiming: Claiming) -> None:
        claiming.lists()
        challenge(claiming.new("publisher", "ada"), "file")
        assert claiming.admin.get("/claims").json() == {"claims": []}
        body = {"principal": "ada"}
        assert claiming.admin.post("/servers/acme/weather/claims/approve", json=body).status_code == 409

    def test_a_request_that_is_over_is_removed(self, claiming: Claiming) -> None:
        claiming.lists()
        challenge(claiming.new("publisher", "ada"), "operator")
        claiming.clock.now += 7 * DAY
        assert claiming.admin.get("/claims").json() == {"claims": []}
        assert claiming.rows() == "[]"


class TestWhatGoesWithIt:
    def claim(self, claiming: Claiming, name: str = "acme/weather") -> TestClient:
        ada = claiming.new("publisher", "ada")
        claiming.puts("file", challenge(ada, "file", name)["content"])
        assert verified(ada, name) == 200
        return ada

    def test_the_namespace_in_which_nobody_else_has_a_server(self, claiming: Claiming) -> None:
        claiming.lists()
        ada = self.claim(claiming)
        assert ada.get("/namespaces").json() == {"namespaces": [{"name": "acme"}]}
        assert ada.put("/servers/acme/more", json={}).status_code == 201

    def test_not_the_namespace_in_which_others_have_servers(self, claiming: Claiming) -> None:
        claiming.lists()
        claiming.lists("acme/tides")
        claiming.lists("acme2/tides")  # which begins the same
        ada = self.claim(claiming)
        assert ada.get("/namespaces").json() == {"namespaces": []}
        assert ada.put("/servers/acme/more", json={}).status_code == 403
        self.claim(claiming, "acme/tides")  # the last one that was another's
        assert ada.get("/namespaces").json() == {"namespaces": [{"name": "acme"}]}

    def test_a_deleted_server_keeps_no_namespace(self, claiming: Claiming) -> None:
        claiming.lists()
        claiming.lists("acme/tides")
        claiming.admin.delete("/servers/acme/tides")
        assert self.claim(claiming).get("/namespaces").json() == {"namespaces": [{"name": "acme"}]}

    def test_not_the_namespace_that_is_anothers(self, claiming: Claiming) -> None:
        claiming.lists()
        claiming.new("publisher", "bob")
        claiming.registry.editor.namespaces.give("acme", "bob")
        ada = self.claim(claiming)
        assert ada.get("/namespaces").json() == {"namespaces": []}

    def test_not_the_namespace_that_an_operator_publishes_in(self, claiming: Claiming) -> None:
        claiming.lists(source=None)
        ada = self.claim(claiming)
        assert ada.get("/namespaces").json() == {"namespaces": []}

    def test_the_word_over_imports(self, claiming: Claiming) -> None:
        claiming.lists()
        ada = self.claim(claiming)
        ada.patch("/servers/acme/weather", json={"description": "mine"}).raise_for_status()
        entry = {"qualifiedName": "acme/weather", "source": SOURCE, "description": "theirs"}
        for entries in ([entry], [{**entry, "deleted": True}]):
            answer = claiming.admin.post("/servers/batch", json={"servers": entries}).json()
            assert answer["counts"] == {"kept": 1}, answer
        assert claiming.admin.get("/servers/acme/weather").json()["description"] == "mine"

    def test_nothing_of_the_claim_shows_in_lists_and_walks(self, claiming: Claiming) -> None:
        claiming.lists()
        challenge(claiming.new("publisher", "ada"), "file")
        catalog = claiming.registry.catalog
        assert [server.name for server in catalog.listed()] == ["acme/weather"]
        assert [server.name for _, server, _ in catalog.walk()] == ["acme/weather"]
        assert catalog.count_listed() == 1
        (listed,) = [server.name for server in catalog.listed(brief=True)]
        assert listed == "acme/weather"

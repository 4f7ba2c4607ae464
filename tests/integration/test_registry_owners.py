"""Who may see a server (`mooring.servers_api`) and change it (`mooring.publish_api`), over HTTP."""

from dataclasses import dataclass
from typing import Any

import pytest
from fastapi.testclient import TestClient

from mooring.keys import Role
from tests.integration.registry import LAUNCH, Registry, publish

pytestmark = pytest.mark.integration


@dataclass(frozen=True)
class People:
    """Each with a client of their own; the owner has published acme/weather."""

    registry: Registry
    owner: TestClient
    owner_id: str
    admin: TestClient

    def new(self, role: Role, principal: str | None = None) -> TestClient:
        return self.registry.client(self.registry.keys.create("test", role, principal)[1])

    def caller(self, who: str) -> TestClient:
        match who:
            case "owner":
                return self.owner
            case "admin":
                return self.admin
            case "publisher":
                return self.new("publisher")
            case "reader":
                return self.new("client")
        stranger = self.registry.client("mk_nobody")
        del stranger.headers["Authorization"]
        return stranger


@pytest.fixture
def people(running_registry: Registry, http: TestClient) -> People:
    key, secret = running_registry.keys.create("ada", "publisher")
    owner = running_registry.client(secret)
    publish(owner, "acme/weather", description="d", release={"launch": LAUNCH})
    return People(running_registry, owner, key.principal, http)


def told(http: TestClient) -> list[str]:
    """Return what is in the list that comes straight from the record."""
    return [entry["server"]["name"] for entry in http.get("/v0.1/servers").json()["servers"]]


READING = [("GET", "/servers", None), ("GET", "/servers/acme/weather", None)]
CHANGING = [
    ("PUT", "/servers/acme/weather", {"description": "new"}),
    ("PATCH", "/servers/acme/weather", {"description": "new"}),
    ("PATCH", "/servers/acme/weather", {"unlisted": True}),
    ("DELETE", "/servers/acme/weather", None),
    ("POST", "/servers/acme/weather/transfer", {"principal": "{owner}"}),
    ("POST", "/namespaces/acme/transfer", {"principal": "{owner}"}),
]
CREATING: list[tuple[str, str, dict[str, Any]]] = [("PUT", "/servers/acme/other", {})]
OPERATING = [
    ("POST", "/servers/batch", {"servers": [{"qualifiedName": "acme/weather"}]}),
    ("GET", "/keys", None),
    ("PUT", "/servers/acme/weather", {"verified": True}),
    ("PUT", "/servers/acme/weather", {"hosted": True}),
    ("PUT", "/servers/acme/weather", {"source": {"registry": "r"}}),
    ("PUT", "/servers/acme/weather", {"createdAt": "2020-01-01T00:00:00Z"}),
    ("PUT", "/servers/acme/weather", {"useCount": 10}),
    ("PATCH", "/servers/acme/weather", {"verified": True}),
]
MAY = {
    "stranger": (401, 401, 401, 401),
    "reader": (200, 403, 403, 403),
    "publisher": (200, 403, 403, 403),
    "owner": (200, 200, 200, 403),
    "admin": (200, 200, 200, 200),
}


@pytest.mark.parametrize("kind", range(4), ids=["read", "change", "create", "operate"])
@pytest.mark.parametrize("who", MAY)
def test_each_may_do_just_this(people: People, who: str, kind: int) -> None:
    for method, path, body in (READING, CHANGING, CREATING, OPERATING)[kind]:
        if isinstance(body, dict) and body.get("principal"):
            body = {"principal": people.owner_id}
        answer = people.caller(who).request(method, path, json=body)
        wanted = MAY[who][kind]
        assert answer.is_success if wanted == 200 else answer.status_code == wanted, (method, path)
        people.admin.put("/servers/acme/weather", json={})  # for whom the next one is not to find it deleted


def test_a_key_that_may_only_publish_may_not_search(people: People) -> None:
    _, secret = people.registry.keys.create("ci", scopes=["publish"])
    ci = people.registry.client(secret)
    assert ci.put("/servers/ci/new", json={}).status_code == 201
    refused = ci.get("/servers")
    assert refused.status_code == 403
    assert "the scope read; yours has publish" in refused.json()["message"]


def test_any_key_of_a_principal_speaks_for_it(people: People) -> None:
    second = people.new("publisher", people.owner_id)
    assert second.patch("/servers/acme/weather", json={"license": "MIT"}).json()["license"] == "MIT"


def test_a_namespace_belongs_to_who_published_there_first(people: People) -> None:
    other = people.new("publisher")
    refused = other.put("/servers/ACME/other", json={})
    assert (refused.status_code, refused.json()["message"]) == (
        403,
        "the namespace acme belongs to another principal",
    )
    assert other.put("/servers/mine/other", json={}).status_code == 201
    assert other.get("/namespaces").json() == {"namespaces": [{"name": "mine"}]}
    assert people.admin.put("/servers/mine/another", json={}).json()["owner"] != people.owner_id


class TestUnlisted:
    def test_it_is_in_no_list_and_seen_by_its_owner(self, people: People) -> None:
        people.owner.patch("/servers/acme/weather", json={"unlisted": True})
        for who in ("owner", "admin", "reader", "publisher"):
            caller = people.caller(who)
            is_shown = who in ("owner", "admin")
            assert caller.get("/servers/acme/weather").status_code == (200 if is_shown else 404)
            assert told(caller) == (["acme/weather"] if is_shown else [])
        assert list(people.registry.catalog.listed()) == []
        people.owner.patch("/servers/acme/weather", json={"unlisted": False})
        assert told(people.caller("reader")) == ["acme/weather"]

    def test_it_can_be_created_so_and_stays_so(self, people: People) -> None:
        publish(people.owner, "acme/secret", unlisted=True)
        publish(people.owner, "acme/secret", description="new")
        assert told(people.caller("reader")) == ["acme/weather"]


class TestTransfer:
    def test_the_new_owner_may_and_the_old_one_may_not(self, people: People) -> None:
        other = people.new("publisher", "eve")
        answer = people.owner.post("/servers/@Acme%2FWeather/transfer", json={"principal": "eve"})
        assert (answer.status_code, answer.json()["owner"]) == (200, "eve")
        assert people.owner.patch("/servers/acme/weather", json={}).status_code == 403
        assert other.patch("/servers/acme/weather", json={"license": "MIT"}).status_code == 200
        assert other.put("/servers/acme/more", json={}).status_code == 403  # the namespace is still Ada's

    def test_a_namespace_goes_with_its_servers(self, people: People) -> None:
        other = people.new("publisher", "eve2")
        answer = people.owner.post("/namespaces/@Acme/transfer", json={"principal": "eve2"})
        assert (answer.status_code, answer.content) == (204, b"")
        assert people.owner.patch("/servers/acme/weather", json={}).status_code == 403
        assert other.put("/servers/acme/more", json={}).status_code == 201

    @pytest.mark.parametrize("path", ["/servers/acme/weather/transfer", "/namespaces/acme/transfer"])
    def test_nobody_can_be_given_a_server(self, people: People, path: str) -> None:
        answer = people.owner.post(path, json={"principal": "nobody has this name"})
        assert answer.status_code == 422
        assert answer.json()["message"].startswith("principal: ")


class TestVersions:
    def test_a_change_of_what_has_changed_meanwhile_is_refused(self, people: People) -> None:
        seen = people.owner.get("/servers/acme/weather")
        assert seen.headers["ETag"] == '"1"'
        changed = people.owner.patch(
            "/servers/acme/weather", json={"license": "MIT"}, headers={"If-Match": seen.headers["ETag"]}
        )
        assert (changed.status_code, changed.headers["ETag"]) == (200, '"2"')
        calls: list[tuple[str, dict[str, Any]]] = [
            ("PUT", {"json": {}}),
            ("PATCH", {"json": {}}),
            ("DELETE", {}),
        ]
        for method, body in calls:
            refused = people.owner.request(
                method, "/servers/acme/weather", headers={"If-Match": '"1"'}, **body
            )
            assert (refused.status_code, refused.json()["error"]) == (412, "PreconditionFailed")

    def test_an_if_match_that_is_no_version_names_itself(self, people: People) -> None:
        answer = people.owner.patch("/servers/acme/weather", json={}, headers={"If-Match": "W/x"})
        assert answer.status_code == 422
        assert "if-match" in answer.json()["message"].lower()

    def test_a_put_of_the_same_changes_nothing(self, people: People) -> None:
        body = {"description": "d", "release": {"launch": LAUNCH}}
        answer = people.owner.put("/servers/acme/weather", json=body)
        assert (answer.status_code, answer.headers["ETag"]) == (200, '"1"')


def test_a_deleted_server_comes_back_by_a_put_of_its_owner(people: People) -> None:
    before = people.owner.get("/servers/acme/weather").json()
    assert people.owner.delete("/servers/acme/weather").status_code == 204
    for who in ("owner", "admin", "reader"):
        assert people.caller(who).get("/servers/acme/weather").status_code == 404
    assert people.new("publisher").put("/servers/acme/weather", json={}).status_code == 409
    restored = people.owner.put("/servers/acme/weather", json={"description": "d"})
    assert restored.status_code == 201
    kept = ("createdAt", "connections", "description", "owner")
    assert {name: restored.json()[name] for name in kept} == {name: before[name] for name in kept}


def test_everything_that_may_be_said_is_shown(people: People) -> None:
    said = {
        "displayName": "Tides",
        "iconUrl": "https://acme.test/i.png",
        "categories": ["weather"],
        "keywords": ["sea", "moon"],
        "version": "1.2.3",
        "remotes": [{"type": "http", "url": "https://acme.test/mcp", "headers": [{"name": "X"}]}],
        "packages": [{"registryType": "npm", "identifier": "tides", "version": "1.2.3", "more": [1]}],
        "tools": [{"name": "t"}],
        "unlisted": True,
    }
    shown = publish(people.owner, "acme/tides", **said, configSchema={"type": "object"})
    assert shown.items() >= said.items()
    by_admin = {"verified": True, "source": {"registry": "r", "name": "n"}}
    when = {"createdAt": "2020-01-02T03:04:05+01:00", "useCount": 7, "hosted": True}
    shown = publish(people.admin, "acme/other", **by_admin, **when)
    assert shown.items() >= by_admin.items()
    assert (shown["createdAt"], shown["useCount"]) == ("2020-01-02T02:04:05.000Z", "7")
    assert (shown["isDeployed"], shown["hosting"]) == (True, "elsewhere")
    cleared = people.owner.patch(
        "/servers/acme/tides",
        json={"iconUrl": None, "configSchema": None, "tools": None, "repositoryUrl": "https://x.test/r"},
    ).json()
    assert (cleared["iconUrl"], cleared["tools"]) == (None, None)
    assert (cleared["repository"], cleared["keywords"]) == ("https://x.test/r", ["sea", "moon"])

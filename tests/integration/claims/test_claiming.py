"""What can be claimed, how an operator decides, and what goes with a server that was claimed, over HTTP."""

import pytest
from fastapi.testclient import TestClient

from tests.integration.claims.claiming import DAY, SOURCE, Claiming, challenge, verified
from tests.integration.registry import OPERATOR, publish

pytestmark = pytest.mark.integration


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

"""How who owns what is listed proves it (`mooring.claims`, `mooring.claims_api`), over HTTP."""

import pytest

from mooring_local import tables
from tests.integration.claims.claiming import DAY, Claiming, challenge, verified

pytestmark = pytest.mark.integration


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

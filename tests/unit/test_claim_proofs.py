from collections.abc import Iterator

import pytest

from mooring.claim_places import Place
from mooring.claim_proofs import Proofs
from tests.unit import public_world
from tests.unit.public_world import PublicWorld

A, B = "https://git.acme.test/a", "https://git.acme.test/b"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PublicWorld]:
    with public_world.running(tmp_path_factory.mktemp("world")) as world:
        yield world


@pytest.fixture
def proofs(world: PublicWorld) -> Proofs:
    world.forget()
    return world.proofs


def test_the_first_address_that_has_a_claim_counts(world: PublicWorld, proofs: Proofs) -> None:
    world.pages |= {B: "mooring-claim=one\n", A: "a page about claims"}
    assert proofs.look(Place("", (A, B))) == (["one"], f"{B}: 1 lines of claims")


def test_what_was_found_in_place_of_it_is_told(world: PublicWorld, proofs: Proofs) -> None:
    world.pages |= {A: "a page about claims"}
    tokens, seen = proofs.look(Place("", (A, B)))
    assert (tokens, seen) == ([], f"{A}: no line with mooring-claim=; {B}: status 404")


def test_a_page_of_an_error_is_no_proof(world: PublicWorld, proofs: Proofs) -> None:
    """Some repeat what they were asked for."""
    world.pages[A] = (410, "")
    assert proofs.look(Place("", (A,))) == ([], f"{A}: status 410")


def test_a_host_that_is_not_there_ends_the_search(world: PublicWorld, proofs: Proofs) -> None:
    tokens, seen = proofs.look(Place("", ("https://nobody.test/a", "https://nobody.test/b")))
    assert (tokens, seen) == ([], "the name nobody.test cannot be resolved: NXDOMAIN")


def test_claims_are_found_among_other_texts_of_a_name(world: PublicWorld, proofs: Proofs) -> None:
    world.texts["_mooring-claim.acme.test"] = ["v=spf1 -all", "mooring-claim=one"]
    found = proofs.look(Place("", dns_name="_mooring-claim.acme.test"))
    assert found == (["one"], "2 TXT records, 1 of them of a claim")
    assert proofs.look(Place("", dns_name="nobody.test")) == ([], "0 TXT records, 0 of them of a claim")
    assert "cannot be had" in proofs.look(Place("", dns_name="a..b")).seen

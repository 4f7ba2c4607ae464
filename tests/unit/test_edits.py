from dataclasses import replace

import pytest

from mooring import edits
from mooring.clock import iso8601
from mooring.edits import Entry, Kept
from mooring.errors import Conflict, ServerNotFound
from mooring.keys import OF_ROLE, Principal
from mooring.servers import Release, Server

NOW = 1_800_000_000.0
SOURCE = {"registry": "https://registry.test", "name": "io.github.acme/weather"}
RELEASE = Release(launch={"command": "node"})
EVE = Principal("eve", OF_ROLE["publisher"], "k")


def put(known: Server | None = None, *, release: Release | None = None, **stated: object) -> Server:
    return edits.put(known, Entry(qualified_name="Acme/Weather", stated=stated, release=release), "ada", NOW)


def bring(known: Server | None, *, is_deleted: bool = False, overwrite: bool = False) -> Server:
    entry = Entry(
        qualified_name="acme/weather", stated={"source": SOURCE, "license": "MIT"}, is_deleted=is_deleted
    )
    return edits.bring(known, entry, "operator", NOW, overwrite=overwrite)


def test_a_new_server_has_a_name_to_show_and_an_owner() -> None:
    server = put()
    assert (server.qualified_name, server.display_name, server.owner) == ("Acme/Weather", "Weather", "ada")
    assert (server.created_at, server.version) == (iso8601(NOW), 0)


def test_what_is_not_said_again_is_gone_but_for_what_others_have_found() -> None:
    known = put(
        release=RELEASE,
        description="d",
        keywords=("k",),
        source=SOURCE,
        tools=[],
        verified=True,
        unlisted=True,
    )
    again = put(known)
    assert (again.description, again.keywords, again.source) == ("", (), None)
    assert (again.tools, again.verified, again.unlisted, again.release) == ([], True, True, known.release)


def test_the_same_release_keeps_its_id_and_another_gets_its_own() -> None:
    known = put(release=RELEASE)
    assert known.release and known.release.id.startswith("20270115T")
    assert put(known, release=RELEASE).release == known.release
    assert put(known, release=replace(RELEASE, bundle="sha")).release != known.release


def test_an_import_comes_back_to_what_it_brought_itself() -> None:
    first = bring(None)
    assert bring(first) == first
    gone = bring(first, is_deleted=True)
    assert gone.deleted_at == iso8601(NOW)
    assert bring(gone, is_deleted=True) == gone
    assert bring(gone) == first


def test_an_import_leaves_alone_what_is_not_its_own() -> None:
    other = {**SOURCE, "name": "io.github.other/weather"}
    deleted_here = replace(bring(None), deleted_at=iso8601(NOW))
    for known in (put(), put(source=other), put(source={"registry": "x"}), deleted_here):
        with pytest.raises(Kept):
            bring(known)
        assert bring(known, overwrite=True).license == "MIT"


def test_what_is_gone_there_and_was_never_here_is_not_found() -> None:
    with pytest.raises(ServerNotFound):
        bring(None, is_deleted=True)


def test_only_a_tombstone_gets_free_and_only_for_others() -> None:
    server = put()
    assert not edits.is_free(server, EVE, NOW)
    tombstone = replace(server, deleted_at=iso8601(NOW))
    with pytest.raises(Conflict, match="2027-02-14"):
        edits.is_free(tombstone, EVE, NOW)
    later = NOW + edits.HELD_DAYS * 86_400
    assert edits.is_free(tombstone, EVE, later)
    assert not edits.is_free(tombstone, replace(EVE, id="ada"), later)
    assert not edits.is_free(tombstone, replace(EVE, scopes=OF_ROLE["admin"]), later)

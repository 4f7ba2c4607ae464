"""Rows of sessions, on a table that a real emulator keeps."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from mooring.errors import Conflict, SessionNotFound
from mooring.sessions import Session, SessionCache, SessionTable
from mooring_local import tables
from tests import emulator

pytestmark = pytest.mark.integration

SESSION = Session("c1=", "s1", "demo/time", "p1", "w1", "http://10.0.0.1:8080", is_resumable=True)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with (
        emulator.running(tmp_path_factory.mktemp("emulator")) as running,
        running.client("dynamodb") as client,
    ):
        tables.create(client)
        yield client


@pytest.fixture
def table(client: Any) -> Iterator[SessionTable]:
    name = tables.name("sessions")
    yield SessionTable(client, name)
    for item in client.scan(TableName=name)["Items"]:
        client.delete_item(TableName=name, Key={"id": item["id"]})


@pytest.mark.parametrize("session", [SESSION, replace(SESSION, is_resumable=False)])
def test_the_session_of_a_connection_is_found_until_it_is_forgotten(
    table: SessionTable, session: Session
) -> None:
    table.put(session)
    assert table.get("c1=") == session
    assert table.find("s1") is None
    table.delete("c1=")
    with pytest.raises(SessionNotFound):
        table.get("c1=")


def test_a_session_that_may_be_resumed_is_claimed_once(table: SessionTable) -> None:
    table.claim(SESSION, None)
    with pytest.raises(Conflict):
        table.claim(replace(SESSION, worker_id="w2"), None)
    assert table.find("s1") == SESSION


def test_one_that_is_lost_is_replaced_once(table: SessionTable) -> None:
    table.claim(SESSION, None)
    anew = replace(SESSION, connection_id="c2=", worker_id="w2")
    table.claim(anew, SESSION)
    with pytest.raises(Conflict):
        table.claim(replace(SESSION, connection_id="c3="), SESSION)
    assert table.find("s1") == anew


def test_a_resumed_session_is_found_on_its_new_connection(table: SessionTable) -> None:
    table.claim(SESSION, None)
    table.refresh(replace(SESSION, connection_id="c2="))
    assert table.find("s1") == replace(SESSION, connection_id="c2=")


@pytest.mark.parametrize("has_successor", [False, True])
def test_a_session_that_has_ended_meanwhile_is_not_brought_back(
    table: SessionTable, has_successor: bool
) -> None:
    if has_successor:
        table.claim(replace(SESSION, worker_id="w2"), None)
    with pytest.raises(Conflict):
        table.refresh(replace(SESSION, connection_id="c2="))


def test_a_cached_session_is_read_once_and_again_when_forgotten(table: SessionTable) -> None:
    cache = SessionCache(table, size=1)
    table.put(SESSION)
    assert cache.get("c1=") == SESSION
    table.delete("c1=")
    assert cache.get("c1=") == SESSION
    cache.forget("c1=")
    with pytest.raises(SessionNotFound):
        cache.get("c1=")

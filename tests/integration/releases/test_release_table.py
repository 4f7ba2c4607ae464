"""The table of releases (`mooring.release_table`) on a real DynamoDB API: the queue, logs, endings."""

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from mooring.errors import Conflict, ReleaseNotFound
from mooring.keys import OF_ROLE, Principal
from mooring.release_log import MAX_LINES, ReleaseLog
from mooring.release_table import MAX_ATTEMPTS, Cancelled, Queued, ReleaseTable
from mooring.releases import AUTH_SECONDS, ReleaseRecord
from mooring.sealing import LocalSealer
from mooring_local import tables
from tests import emulator

pytestmark = pytest.mark.integration

ADA = Principal("ada", OF_ROLE["publisher"], "k1")
SOURCE = {"type": "npm", "spec": "weather"}


class Clock:
    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def dynamodb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with emulator.running(tmp_path_factory.mktemp("emulator")) as aws, aws.client("dynamodb") as client:
        tables.create(client)
        yield client


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def table(dynamodb: Any, clock: Clock) -> Iterator[ReleaseTable]:
    name = tables.name("releases")
    yield ReleaseTable(dynamodb, name, LocalSealer(bytes(32)), clock)
    for item in dynamodb.scan(TableName=name)["Items"]:
        dynamodb.delete_item(TableName=name, Key={key: item[key] for key in ("server", "item")})


def asked(table: ReleaseTable, server: str = "acme/weather", scan: Any = None) -> ReleaseRecord:
    return table.request(server, SOURCE, ADA, scan=scan)


def taken(table: ReleaseTable, server: str = "acme/weather") -> ReleaseRecord:
    (queued,) = [one for one in table.queue() if one.server == server]
    found = table.take(queued)
    assert found
    return found[0]


def test_what_is_asked_for_is_queued_until_somebody_is_done_with_it(table: ReleaseTable) -> None:
    record = asked(table)
    assert table.queue() == [Queued("acme/weather", record.id, is_taken=False)]
    begun = taken(table)
    assert (begun.status, begun.attempts) == ("WORKING", 1)
    assert [one.is_taken for one in table.queue()] == [True]
    table.leave(begun)
    assert table.queue() == []


def test_what_the_scan_is_made_with_is_sealed_and_goes_when_it_is_done(
    table: ReleaseTable, dynamodb: Any
) -> None:
    asked(table, scan={"config": {"key": "open-sesame"}})
    assert b"open-sesame" not in repr(dynamodb.scan(TableName=tables.name("releases"))).encode()
    (queued,) = table.queue()
    found = table.take(queued)
    assert found
    record, scan = found
    assert scan == {"config": {"key": "open-sesame"}}
    table.leave(record)
    assert all("scan" not in item for item in dynamodb.scan(TableName=tables.name("releases"))["Items"])


def test_a_newer_release_cancels_the_older_one_of_its_server_alone(table: ReleaseTable, clock: Clock) -> None:
    other = asked(table, "acme/other")
    older = asked(table)
    begun = taken(table)
    clock.now += 1
    newer = asked(table)
    assert table.get("acme/weather", older.id).status == "CANCELLED"
    assert table.get("acme/other", other.id).status == "QUEUED"
    assert not table.is_wanted(begun)
    with pytest.raises(Cancelled):
        table.save(replace(begun, stage="scan"))
    assert table.get("acme/weather", "latest").id == newer.id


def test_a_cancelled_one_that_is_queued_is_not_taken(table: ReleaseTable) -> None:
    table.cancel(asked(table))
    (queued,) = table.queue()
    assert table.take(queued) is None
    assert table.queue() == []


def test_what_is_over_cannot_be_cancelled(table: ReleaseTable) -> None:
    asked(table)
    done = table.save(replace(taken(table), status="SUCCESS"))
    with pytest.raises(Conflict):
        table.cancel(done)
    with pytest.raises(Conflict, match="nothing to do again"):
        table.again(done)


def test_one_whose_builders_die_is_given_up_after_some_attempts(table: ReleaseTable) -> None:
    record = asked(table)
    for _ in range(MAX_ATTEMPTS):
        taken(table)
    (queued,) = table.queue()
    assert table.take(queued) is None
    found = table.get("acme/weather", record.id)
    assert found.status == "INTERNAL_ERROR"
    assert found.error
    assert table.queue() == []
    again = table.again(found)
    assert (again.status, again.attempts, again.error) == ("QUEUED", 0, None)
    assert taken(table).attempts == 1


def test_who_has_to_authorise_a_release_has_a_day(table: ReleaseTable, clock: Clock) -> None:
    asked(table)
    waiting = table.save(replace(taken(table), status="AUTH_REQUIRED"))
    clock.now += AUTH_SECONDS - 1
    assert table.get("acme/weather", waiting.id).status == "AUTH_REQUIRED"
    clock.now += 2
    late = table.get("acme/weather", waiting.id)
    assert late.status == "AUTH_TIMEOUT"
    assert table.again(late).status == "QUEUED"


def test_only_the_newest_that_are_over_are_kept(table: ReleaseTable, clock: Clock) -> None:
    made = []
    for _ in range(5):
        clock.now += 1
        made.append(asked(table).id)
        record = taken(table)
        table.save(replace(record, status="SUCCESS"))
        table.leave(record)
    gone = table.prune("acme/weather", 2, but={made[0]})
    assert sorted(one.id for one in gone) == made[1:3]
    assert sorted(one.id for one in table.all("acme/weather")) == [made[0], *made[3:]]


def test_releases_of_before_a_name_was_given_anew_are_not_seen(table: ReleaseTable, clock: Clock) -> None:
    asked(table)
    clock.now += 10
    newer = asked(table)
    assert [one.id for one in table.all("acme/weather", newer.created_at)] == [newer.id]


def test_a_release_that_is_not_there_is_told(table: ReleaseTable) -> None:
    for release_id in ("latest", "20260101T000000Z-00000000"):
        with pytest.raises(ReleaseNotFound):
            table.get("acme/weather", release_id)


def test_the_log_is_read_from_any_line_on(table: ReleaseTable, clock: Clock) -> None:
    record = asked(table)
    log = ReleaseLog(table, record, clock)
    log.begin("deploy")
    for number in range(250):
        log.write("deploy", "info", f"line {number}")
    log.end("done")
    lines, following = table.lines("acme/weather", record.id)
    assert [line["message"] for line in lines] == ["Building", *(f"line {n}" for n in range(250)), "done"]
    assert following == 252
    for after in (0, 1, 99, 100, 101, 251, 252):
        rest, reached = table.lines("acme/weather", record.id, after)
        assert (rest, reached) == (lines[after:], 252)
    again = ReleaseLog(table, record, clock)  # of another attempt
    again.fail("scan", "no", "do this")
    again.flush()
    rest, _ = table.lines("acme/weather", record.id, 252)
    assert [(line["level"], line["message"]) for line in rest] == [("error", "no"), ("info", "do this")]
    assert rest[0]["error"] == {"message": "no"}


def test_a_flood_is_cut_and_what_ends_it_is_kept(table: ReleaseTable, clock: Clock) -> None:
    record = asked(table)
    log = ReleaseLog(table, record, clock)
    for number in range(MAX_LINES + 500):
        log.write("deploy", "info", f"line {number} \ud800 {'x' * 5000}")
    log.fail("deploy", "it failed")
    lines, _ = table.lines("acme/weather", record.id)
    assert len(lines) == MAX_LINES + 1
    assert lines[-2]["message"] == "What follows is left out"
    assert lines[-1]["message"] == "it failed"
    assert all(len(line["message"]) <= 2000 for line in lines)

"""Sessions in MicroVMs: the functions' handlers, a real worker behind the double's proxy, real tables."""

import dataclasses
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mooring import callbacks
from mooring.microvm_reaping import MicrovmReaper
from mooring.microvm_rows import MicrovmRows
from mooring.sessions import ROW_LIFETIME_SECONDS
from mooring.usage import UsageTable
from tests import emulator, microvms
from tests.emulator import Emulator
from tests.microvm_world import CALLBACK_SECRET, World, until, world
from tests.microvms import Cloud, ProcessMachine

pytestmark = pytest.mark.integration

LAUNCH = {
    "command": sys.executable,
    "args": ["-u", str(Path(__file__).parents[1] / "servers" / "echo.py")],
}
SESSION = "A" * 22


@pytest.fixture(scope="module")
def running_emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with emulator.running(tmp_path_factory.mktemp("emulator")) as one:
        yield one


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    with microvms.cloud(lambda name, order: ProcessMachine(tmp_path, name, order)) as one:
        yield one


@pytest.fixture
def mooring(running_emulator: Emulator, cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with world(running_emulator, cloud, LAUNCH, monkeypatch) as one:
        yield one


def test_a_session_has_a_microvm_of_its_own_and_is_answered_by_the_callback(
    mooring: World, cloud: Cloud
) -> None:
    assert mooring.connect("c1")["statusCode"] == 200
    assert mooring.connect("c2")["statusCode"] == 200
    assert mooring.call("c1", 1, "state") == "1"
    assert mooring.call("c2", 1, "state") == "1"
    assert mooring.call("c1", 2, "state") == "2"
    assert len(cloud.microvms) == 2


def test_when_the_client_leaves_the_microvm_is_terminated_and_its_row_goes(
    mooring: World, cloud: Cloud
) -> None:
    mooring.connect("c1")
    assert mooring.call("c1", 1, "state") == "1"
    mooring.disconnect("c1")
    (one,) = cloud.microvms.values()
    until(lambda: one.state == "TERMINATED" and mooring.rows("workers") == [], "its end")
    assert mooring.rows("sessions") == []


def test_a_suspended_microvm_is_resumed_by_a_frame_which_its_child_gets_once(
    mooring: World, cloud: Cloud
) -> None:
    mooring.connect("c1")
    assert mooring.call("c1", 1, "state") == "1"
    cloud.pass_seconds(61)
    (one,) = cloud.microvms.values()
    assert one.state == "SUSPENDED"
    assert mooring.call("c1", 2, "state") == "2"
    assert one.state == "RUNNING"
    mooring.send("c1", 2, "state")  # API Gateway calls a function twice at times
    assert mooring.call("c1", 3, "state") == "3"
    assert len(mooring.answers("c1", 2)) == 1


def test_the_token_of_the_proxy_is_renewed_before_it_expires(mooring: World, cloud: Cloud) -> None:
    mooring.connect("c1")
    cloud.pass_seconds(3601)
    assert mooring.call("c1", 1, "state") == "1"


def test_a_request_in_flight_keeps_its_microvm_awake(mooring: World, cloud: Cloud) -> None:
    mooring.connect("c1")
    mooring.send("c1", 1, "sleep", seconds=2)
    until(lambda: any(row.get("in_flight", {}).get("L") for row in mooring.rows("sessions")), "the note")
    app = mooring.apps["session_reaper"]
    parts = (app.rows, app.worker_table, app.workers, app.connections, app.farewells, app.microvms)
    reaper = MicrovmReaper(*parts, clock=lambda: cloud.now)
    (one,) = cloud.microvms.values()
    for _ in range(5):
        cloud.pass_seconds(20)
        reaper.keep_awake()
        assert one.state == "RUNNING"
    assert mooring.answer("c1", 1) == "slept"
    until(lambda: not any(row.get("in_flight", {}).get("L") for row in mooring.rows("sessions")), "no note")
    for _ in range(4):
        cloud.pass_seconds(20)
        reaper.keep_awake()
    assert one.state == "SUSPENDED"


def test_a_session_is_resumed_in_its_microvm_and_gets_what_it_lacks(mooring: World, cloud: Cloud) -> None:
    assert mooring.connect("c1", session=SESSION)["statusCode"] == 200
    assert mooring.call("c1", 1, "state") == "1"
    mooring.disconnect("c1")
    cloud.pass_seconds(61)
    assert mooring.connect("c2", session=SESSION, received="0")["statusCode"] == 200
    assert mooring.answer("c2", 1) == "1"
    assert mooring.call("c2", 2, "state") == "2"
    assert len(cloud.microvms) == 1


def test_one_that_does_not_answer_is_terminated_and_the_client_told_when_to_come_back(
    mooring: World, cloud: Cloud
) -> None:
    cloud.never_answers = True
    mooring.apps["ws_connect"].isolation._microvms._start_seconds = 0.5
    answer = mooring.connect("c1")
    assert (answer["statusCode"], answer["headers"]["Retry-After"]) == (503, "5")
    (one,) = cloud.microvms.values()
    assert one.state == "TERMINATED"
    assert mooring.rows("workers") == mooring.rows("sessions") == []


def test_a_quota_that_is_used_up_is_told_as_such(mooring: World, cloud: Cloud) -> None:
    cloud.refuses_runs = True
    answer = mooring.connect("c1")
    assert answer["statusCode"] == 503
    assert "memory quota exceeded" in answer["body"]


def test_the_reaper_tells_clients_of_a_microvm_that_is_gone(mooring: World, cloud: Cloud) -> None:
    mooring.connect("c1")
    mooring.send("c1", 1, "sleep", seconds=600)
    until(lambda: any(row.get("in_flight", {}).get("L") for row in mooring.rows("sessions")), "the note")
    (one,) = cloud.microvms.values()
    assert isinstance(one.machine, ProcessMachine)
    one.state = "TERMINATED"
    one.machine._process.kill()
    one.machine._process.wait()
    mooring.apps["session_reaper"].microvm_reaper.sweep()
    assert mooring.answer("c1", 1)["code"] == -32012
    assert mooring.client.closed == ["c1"]
    assert mooring.rows("workers") == mooring.rows("sessions") == []


def test_the_reaper_terminates_a_microvm_that_no_session_names(mooring: World, cloud: Cloud) -> None:
    mooring.connect("c1")
    (row,) = mooring.rows("sessions")
    mooring.dynamodb.delete_item(TableName="mooring-sessions", Key={"id": row["id"]})
    (machine,) = mooring.rows("workers")
    reaper = mooring.apps["session_reaper"].microvm_reaper
    reaper.sweep()
    (one,) = cloud.microvms.values()
    assert one.state == "RUNNING"  # its $connect may be under way
    rows = MicrovmRows(mooring.dynamodb, "mooring-workers")
    announced = rows.get(machine["worker_id"]["S"])
    assert announced
    rows.announce(dataclasses.replace(announced, started_at=time.time() - 61))
    reaper.sweep()
    assert one.state == "TERMINATED"
    assert mooring.rows("workers") == []


def test_a_sweep_of_workers_wakes_no_microvm(mooring: World, cloud: Cloud) -> None:
    mooring.connect("c1")
    assert mooring.call("c1", 1, "state") == "1"
    cloud.pass_seconds(61)
    mooring.dynamodb.update_item(
        TableName="mooring-sessions",
        Key={"id": {"S": "c1"}},
        UpdateExpression="SET expires_at = :old",  # so that the row is not spared for its youth
        ExpressionAttributeValues={":old": {"N": str(int(time.time()) + ROW_LIFETIME_SECONDS - 61)}},
    )
    app = mooring.apps["session_reaper"]
    app.reaper.sweep()
    app.microvm_reaper.sweep()
    (one,) = cloud.microvms.values()
    assert one.state == "SUSPENDED"


def test_the_limit_of_a_principal_holds_before_a_microvm_is_started(mooring: World, cloud: Cloud) -> None:
    mooring.apps["ws_connect"].allowed = {"principal": {"sessions": 1}, "server": {}}
    assert mooring.connect("c1")["statusCode"] == 200
    mooring.apps["ws_connect"].worker_table._read_at = float("-inf")
    assert mooring.connect("c2")["statusCode"] == 429
    assert len(cloud.microvms) == 1


def test_where_there_are_no_microvms_an_isolated_server_is_refused(
    mooring: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mooring.apps["ws_connect"], "isolation", None)
    answer = mooring.connect("c1")
    assert answer["statusCode"] == 409
    assert "isolated" in answer["body"]


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, 200),
        ({"secret": "another"}, 403),
        ({"session": "another-session"}, 403),
        ({"at": -61}, 403),
        ({"at": 61}, 403),
        ({"tampered": True}, 403),
    ],
)
def test_a_forged_callback_is_refused(mooring: World, changes: dict[str, Any], status: int) -> None:
    mooring.connect("c1")
    (row,) = mooring.rows("sessions")
    session = row["session_id"]["S"]
    signer = changes.get("session", session)
    body = b'{"do": "post", "microvm": "m", "connection": "c1"}\n{"jsonrpc":"2.0","method":"forged"}'
    key = callbacks.session_key(changes.get("secret", CALLBACK_SECRET), signer)
    headers = callbacks.signed(key, signer, body, time.time() + changes.get("at", 0))
    sent = body.replace(b"forged", b"FORGED") if changes.get("tampered") else body
    assert mooring.callback("POST", f"/_/callback/{session}", headers, sent)[0] == status
    forged = [frame for _, frame in mooring.client.got if frame.get("method", "").lower() == "forged"]
    assert len(forged) == (status == 200)


@pytest.mark.parametrize(
    ("order", "status"),
    [
        ('{"do": "post", "connection": "c2"}\n{}', 410),
        ('{"do": "close", "connection": "c2"}', 410),
        ('{"do": "forget", "key": "c2"}', 410),
        ('{"do": "forget", "key": "session#other"}', 410),
        ('{"do": "note", "connection": "c2", "ids": ["1"]}', 410),
        ('{"do": "count", "uses": 5}', 410),
        ('{"do": "over"}', 410),
        ('{"do": "dance"}', 400),
        ("not json", 400),
    ],
)
def test_a_worker_can_do_nothing_to_another_session(
    mooring: World, cloud: Cloud, order: str, status: int
) -> None:
    mooring.connect("c1")
    mooring.connect("c2")
    of = {row["connection_id"]["S"]: row for row in mooring.rows("sessions")}
    session, other = of["c1"]["session_id"]["S"], of["c2"]["worker_id"]["S"]
    line, _, frame = order.partition("\n")
    body = (line.replace("}", f', "microvm": "{other}"}}') + "\n" + frame).encode()
    key = callbacks.session_key(CALLBACK_SECRET, session)
    before = sorted(map(repr, mooring.rows("sessions") + mooring.rows("workers")))
    headers = callbacks.signed(key, session, body, time.time())
    assert mooring.callback("POST", f"/_/callback/{session}", headers, body)[0] == status
    assert sorted(map(repr, mooring.rows("sessions") + mooring.rows("workers"))) == before
    assert all(one.state == "RUNNING" for one in cloud.microvms.values())
    assert mooring.client.got == [] and mooring.client.closed == []


def test_the_hook_run_is_taken_once(mooring: World, cloud: Cloud) -> None:
    mooring.connect("c1")
    (one,) = cloud.microvms.values()
    assert isinstance(one.machine, ProcessMachine)
    given = {"microvmId": "mvm-other", "runHookPayload": one.order["runHookPayload"]}
    assert one.machine.hook("run", given) == 409
    assert mooring.call("c1", 1, "state") == "1"


def test_a_frame_beyond_what_api_gateway_takes_is_answered_by_an_error(mooring: World) -> None:
    mooring.connect("c1")
    mooring.send("c1", 1, "echo", text="x" * 140_000)
    assert mooring.answer("c1", 1)["code"] == -32013


def test_calls_of_tools_are_counted_for_the_server_of_the_microvm(mooring: World) -> None:
    UsageTable(mooring.dynamodb, "mooring-usage").add("acme/echo", 0)
    (before,) = mooring.rows("usage")
    mooring.connect("c1")
    assert mooring.call("c1", 1, "state") == "1"
    wanted = int(before["use_count"]["N"]) + 1
    until(lambda: int(mooring.rows("usage")[0]["use_count"]["N"]) == wanted, "the count")

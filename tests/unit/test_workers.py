import json
import socket
from collections import Counter
from dataclasses import replace

import pytest

from mooring.errors import (
    ChildExited,
    InvalidRequest,
    LimitReached,
    MooringError,
    SessionNotFound,
    WorkerUnavailable,
)
from mooring.placement import in_order_of_choice, place
from mooring.workers import Worker, WorkerClient, WorkerDead, WorkerSilent
from tests.unit.loopback import serving

NOW = 1_000.0
CLIENT = WorkerClient("secret", timeout_seconds=5)


def worker(worker_id: str, *, used: int = 0, address: str = "http://127.0.0.1:9") -> Worker:
    return Worker(worker_id, address, used=used, capacity=10, lease=NOW + 10, draining=False)


def test_sessions_of_one_bundle_meet_on_the_same_workers() -> None:
    workers = [worker(f"w{n}") for n in range(10)]
    first_choices = {in_order_of_choice(workers, "sha-a", NOW)[0].worker_id for _ in range(5)}
    assert len(first_choices) == 1
    spread = {in_order_of_choice(workers, f"sha-{n}", NOW)[0].worker_id for n in range(100)}
    assert len(spread) == 10


def test_a_bundle_keeps_its_workers_when_another_one_joins() -> None:
    workers = [worker(f"w{n}") for n in range(10)]
    bundles = [f"sha-{n}" for n in range(200)]
    before = {bundle: in_order_of_choice(workers, bundle, NOW)[0] for bundle in bundles}
    after = {bundle: in_order_of_choice([*workers, worker("new")], bundle, NOW)[0] for bundle in bundles}
    moved = [bundle for bundle in bundles if before[bundle] != after[bundle]]
    assert len(moved) < 50


def test_of_the_two_best_the_emptier_one_is_tried_first() -> None:
    workers = [worker(f"w{n}") for n in range(5)]
    best, second, *rest = in_order_of_choice(workers, "sha", NOW)
    busy = [replace(best, used=9), second, *rest]
    assert in_order_of_choice(busy, "sha", NOW)[:2] == [second, replace(best, used=9)]


def test_dead_draining_and_full_workers_are_not_asked() -> None:
    alive = worker("alive")
    others = [
        replace(worker("dead"), lease=NOW - 1),
        replace(worker("draining"), draining=True),
        replace(worker("full"), used=10),
    ]
    assert in_order_of_choice([*others, alive], "sha", NOW) == [alive]


def test_a_full_worker_sends_the_session_to_the_next_one() -> None:
    asked = []

    def answer(method: str, target: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        asked.append((method, target, headers["authorization"], json.loads(body)))
        return (429, b"{}") if len(asked) == 1 else (201, b"{}")

    with serving(answer) as url:
        workers = [replace(worker(name, address=url), lease=9e12) for name in ("a", "b", "c")]
        place(workers, "sha", CLIENT, "s1", {"x": 1})
    assert asked == [("PUT", "/sessions/s1", "Bearer secret", {"x": 1})] * 2


def test_when_no_worker_takes_it_the_client_is_told_when_to_try_again() -> None:
    with pytest.raises(WorkerUnavailable) as error:
        place([replace(worker("gone"), lease=9e12)], "sha", CLIENT, "s1", {})
    assert error.value.data == {"retryAfterSeconds": 2}


def test_a_worker_that_was_started_meanwhile_takes_the_place_of_a_dead_one() -> None:
    dead = replace(worker("dead"), lease=9e12)
    with serving(lambda *request: (201, b"{}")) as url:
        heir = replace(worker("heir", address=url), lease=9e12)
        placed, _ = place([dead], "sha", CLIENT, "s1", {}, read_again=lambda: [dead, heir])
    assert placed == heir


def test_a_launch_rule_that_cannot_be_used_is_not_tried_elsewhere() -> None:
    def answer(*request: object) -> tuple[int, bytes]:
        return 422, json.dumps({"code": -32602, "message": "launch.command is missing"}).encode()

    with serving(answer) as url, pytest.raises(InvalidRequest, match=r"launch\.command"):
        place([replace(worker("w", address=url), lease=9e12)], "sha", CLIENT, "s1", {})


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (404, b"", SessionNotFound),
        (429, b"", LimitReached),
        (500, b"oops", WorkerUnavailable),
        (410, json.dumps(ChildExited("it ended", {"exitCode": 2}).as_jsonrpc()).encode(), ChildExited),
    ],
)
def test_what_the_worker_says_of_a_frame_becomes_the_client_s_error(
    status: int, body: bytes, expected: type[MooringError]
) -> None:
    with serving(lambda *request: (status, body)) as url, pytest.raises(MooringError) as error:
        CLIENT.send(url, "s1", "{}", "m1", "c1")
    assert type(error.value) is expected


def test_a_frame_goes_out_as_it_came_with_the_id_of_its_message() -> None:
    seen = []

    def answer(method: str, target: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        seen.append((method, target, headers["x-message-id"], body.decode()))
        return 202, b""

    frame = '{ "jsonrpc":"2.0", "id":1.0,"method":"é" }'
    with serving(answer) as url:
        CLIENT.send(url, "s1", frame, "m=", "c=")
    assert seen == [("POST", "/sessions/s1/frames", "m=", frame)]


def test_a_worker_that_is_gone_is_an_error_of_the_frame() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with pytest.raises(WorkerUnavailable):
        CLIENT.send(address, "s1", "{}", "m1", "c1")


def test_a_worker_that_hangs_may_be_alive_and_one_that_is_not_there_is_dead() -> None:
    hasty = WorkerClient("secret", timeout_seconds=0.05)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(WorkerSilent) as hanging:
            hasty.send(address, "s1", "{}", "m1", "c1")
    with pytest.raises(WorkerDead):
        hasty.send(address, "s1", "{}", "m1", "c1")
    assert not isinstance(hanging.value, WorkerDead)


def test_a_worker_names_its_sessions() -> None:
    content = json.dumps({"sessions": [{"id": "a", "pid": 1}, {"id": "b"}]}).encode()
    with serving(lambda *request: (200, content)) as url:
        assert CLIENT.sessions(url) == {"a", "b"}
    with serving(lambda *request: (401, b"{}")) as url, pytest.raises(WorkerUnavailable):
        CLIENT.sessions(url)


def test_who_comes_second_depends_on_the_bundle_too() -> None:
    """So the sessions of a worker that dies go to all the others."""
    workers = [worker(f"{n:032x}") for n in range(10)]
    orders = [in_order_of_choice(workers, f"sha-{n}", NOW) for n in range(4_500)]
    pairs = Counter((order[0].worker_id, order[1].worker_id) for order in orders)
    assert len(pairs) == 90 and max(pairs.values()) < 2.5 * min(pairs.values())

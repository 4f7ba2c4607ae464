"""Whether memory killed a child: what the kernel's counter says, and what it cannot say."""

import os
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

from mooring_worker.child import Child
from mooring_worker.forensics import OutOfMemory
from tests.unit.worker.edge import Edge
from tests.unit.worker.harness import running

_MEMORY_1 = Path("/sys/fs/cgroup/memory")
_LIMIT_BYTES = 192 << 20
_GREEDY = (
    'import sys; print(\'{"jsonrpc":"2.0","method":"up","params":1}\', flush=True)\n'
    "sys.stdin.readline(); hoard = [b'x' * (1 << 20) for _ in range(1000)]"
)


@dataclass
class Ended:
    signal_name: str | None = None
    exit_code: int | None = None

    def child(self) -> Child:
        return cast(Child, self)


KILLED = Ended(signal_name="SIGKILL").child()


@dataclass
class Kernel:
    root: Path
    own: Path
    counter: Path

    def kills(self, number: int) -> None:
        self.counter.write_text(f"low 0\noom_kill {number}\n")


@pytest.fixture(params=["0::/a/b", "4:memory:/a/b\n0::/"])
def kernel(request: Any, tmp_path: Path) -> Kernel:
    own = tmp_path / "own"
    own.write_text(f"{request.param}\n")
    files = {"0::/a/b": "a/b/memory.events", "4:memory:/a/b\n0::/": "memory/a/b/memory.oom_control"}
    kernel = Kernel(tmp_path, own, tmp_path / files[request.param])
    kernel.counter.parent.mkdir(parents=True)
    kernel.kills(3)
    return kernel


def test_a_child_is_out_of_memory_when_the_kernel_has_killed_one_more(kernel: Kernel) -> None:
    memory = OutOfMemory(kernel.root, kernel.own)
    assert not memory.killed(KILLED)

    kernel.kills(4)

    assert memory.killed(KILLED)
    assert not memory.killed(KILLED)


def test_each_of_several_killed_at_once_is_told(kernel: Kernel) -> None:
    memory = OutOfMemory(kernel.root, kernel.own)
    kernel.kills(5)
    by_shell = Ended(exit_code=137).child()

    assert [memory.killed(child) for child in (KILLED, by_shell, KILLED)] == [True, True, False]


def test_a_child_that_ended_otherwise_is_not(kernel: Kernel) -> None:
    """A process that it had started was killed; the next SIGKILL is somebody's."""
    memory = OutOfMemory(kernel.root, kernel.own)
    kernel.kills(4)

    assert not memory.killed(Ended(exit_code=1).child())
    assert not memory.killed(KILLED)


def test_what_was_killed_before_the_child_started_is_not_it(kernel: Kernel) -> None:
    memory = OutOfMemory(kernel.root, kernel.own)
    kernel.kills(4)

    memory.note_start()

    assert not memory.killed(KILLED)


@pytest.mark.parametrize("content", [None, "", "0::/\n"])
def test_without_a_counter_nothing_is_claimed(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "own").write_text(content)

    assert not OutOfMemory(tmp_path, tmp_path / "own").killed(KILLED)


@pytest.fixture
def small_memory() -> Iterator[Path]:
    """A memory cgroup for a worker; only root may make one, and only where version 1 is mounted."""
    lines = Path("/proc/self/cgroup").read_text().splitlines()
    own = next((line.split(":")[2] for line in lines if ":memory:" in line), None)
    group = _MEMORY_1 / str(own).lstrip("/") / f"mooring-test-{os.getpid()}"
    try:
        group.mkdir()
        (group / "memory.limit_in_bytes").write_text(str(_LIMIT_BYTES))
    except OSError:
        pytest.skip("no memory cgroup can be made here")
    threads = group / "tasks"
    threads.write_text(str(threading.get_native_id()))  # what this thread starts is in the group
    yield group
    (group.parent / "tasks").write_text(str(threading.get_native_id()))
    group.rmdir()


async def test_a_child_that_the_kernel_kills_for_its_memory_says_so(
    edge: Edge, tmp_path: Path, small_memory: Path
) -> None:
    async with running(edge, tmp_path) as worker:
        await worker.order(launch={"command": sys.executable, "args": ["-c", _GREEDY]})
        await edge.notification("up")

        await worker.post({"id": 1, "method": "ping"})

        error = (await edge.answer_to(1))["error"]
    assert error["code"] == -32011
    assert error["data"] == {"exitCode": None, "signal": "SIGKILL", "outOfMemory": True}

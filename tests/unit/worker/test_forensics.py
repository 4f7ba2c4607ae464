"""Whether memory killed a child: what the kernel's counter says, and what it cannot say."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

from mooring_worker.child import Child
from mooring_worker.forensics import OutOfMemory


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

"""What a process wrote down is there when it is not."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from mooring import ledger
from mooring.ledger import NO_SLOT, Ledger


def test_what_was_entered_and_not_left_is_read(tmp_path: Path) -> None:
    book = Ledger(tmp_path / "ledger")
    book.enter(b"s1", b'"a"')
    answered = book.enter(b"s1", b"2")
    book.enter(b"s2", b"2")

    book.leave(answered)

    assert ledger.read(tmp_path / "ledger") == {"s1": ['"a"'], "s2": ["2"]}


def test_a_killed_process_leaves_it_readable(tmp_path: Path) -> None:
    program = (
        "import os, sys, signal; from pathlib import Path; from mooring.ledger import Ledger\n"
        "book = Ledger(Path(sys.argv[1])); book.enter(b's', b'1.0'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "ledger")],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=False,
    )

    assert killed.returncode == -signal.SIGKILL
    assert ledger.read(tmp_path / "ledger") == {"s": ["1.0"]}


def test_room_is_used_again_and_what_does_not_fit_is_left_out(tmp_path: Path) -> None:
    book = Ledger(tmp_path / "ledger")
    assert book.enter(b"s", b"9" * 1000) == NO_SLOT
    slots = [book.enter(b"s", b"%d" % number) for number in range(4096)]

    assert book.enter(b"s", b"one more") == NO_SLOT
    book.leave(slots[7])
    book.leave(NO_SLOT)

    assert book.enter(b"s", b"again") == slots[7]
    assert len(ledger.read(tmp_path / "ledger")["s"]) == 4096


def test_without_a_file_nothing_is_known_to_be_in_flight(tmp_path: Path) -> None:
    assert ledger.read(tmp_path / "none") == {}

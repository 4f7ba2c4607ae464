"""`mooring logs`, on what children of real workers print."""

import contextlib
import json
import signal
from collections.abc import Callable

import pytest

from tests.integration.logs.platform import WAIT_SECONDS, Platform, Worker, next_line
from tests.integration.registry import Registry

pytestmark = pytest.mark.integration


@pytest.mark.usefixtures("url")
class TestCommand:
    def test_a_crash_is_shown_after_what_led_to_it(self, platform: Platform, worker: Worker) -> None:
        session_id = worker.start()
        worker.crash(session_id, saying="the database is gone")

        code, stdout, stderr = platform.shown("-f", session_id)  # ends with the child

        assert (code, stderr) == (0, "")
        said, ended = stdout.splitlines()
        assert said.endswith(f"{session_id[:8]} the database is gone")
        assert ended.endswith(f"{session_id[:8]} [the server exited with code 7]")
        assert platform.shown(session_id[:8])[1] == platform.shown("acme/echo")[1] == stdout
        assert "the database is gone" not in worker.log()

    def test_following_shows_a_line_that_is_printed_later_until_ctrl_c(
        self, platform: Platform, worker: Worker
    ) -> None:
        one, other = worker.start(), worker.start()
        worker.call(one, "print", text="early")

        with platform.command("acme/echo", "--follow", "--json") as process:
            early = json.loads(next_line(process))
            worker.call(other, "print", text="late")
            late = json.loads(next_line(process))
            process.send_signal(signal.SIGINT)
            _, stderr = process.communicate(timeout=WAIT_SECONDS)

        assert (early["session"], early["text"], early["stream"]) == (one, "early", "stderr")
        assert (late["session"], late["text"], late["server"]) == (other, "late", "acme/echo")
        assert early["at"] < late["at"]
        assert (process.returncode, stderr) == (130, "")

    def test_the_number_of_lines_can_be_said(self, platform: Platform, worker: Worker) -> None:
        session_id = worker.start()
        worker.call(session_id, "print", text="one\ntwo\nthree")
        worker.call(session_id, "crash", code=0)
        platform.shown("-f", session_id)

        assert len(platform.shown("acme/echo", "-n", "2")[1].splitlines()) == 2

    def test_nothing_printed_is_said_to_be_nothing(self, platform: Platform, worker: Worker) -> None:
        code, stdout, stderr = platform.shown("acme/echo")
        assert (code, stdout) == (0, "")
        assert "No session of acme/echo runs" in stderr

        worker.start()

        code, stdout, stderr = platform.shown("acme/echo")
        assert (code, stdout) == (0, "")
        assert "printed nothing" in stderr or "none has printed anything" in stderr

    def test_what_does_not_exist_is_named(self, platform: Platform, worker: Worker) -> None:
        code, _, stderr = platform.shown("acme/nothing")
        assert code == 1
        assert "there is no server acme/nothing" in stderr

        code, _, stderr = platform.shown("0123456789abcdef", "-f")
        assert code == 1
        assert "no worker has a log of session 0123456789abcdef" in stderr
        assert "mooring logs <owner/name>" in stderr

    def test_a_client_s_key_is_refused(self, known: Registry, platform: Platform) -> None:
        _, key = known.new_principal()

        code, stdout, stderr = platform.shown("acme/echo", key=key)

        assert (code, stdout) == (1, "")
        assert "scope publish" in stderr

    def test_text_that_steers_a_terminal_is_made_harmless(self, platform: Platform, worker: Worker) -> None:
        session_id = worker.start()
        worker.crash(session_id, saying="\x1b[31mred\x1b[0m \x1b]0;title\x07 \x9b2J")

        _, stdout, _ = platform.shown("-f", session_id)

        assert stdout.splitlines()[0].endswith(" red �]0;title� �2J")

    def test_an_end_of_the_worker_is_survived_and_told(
        self, platform: Platform, new_worker: Callable[[], Worker]
    ) -> None:
        lost = new_worker()
        lost.call(lost.start(), "print", text="before")
        with platform.command("acme/echo", "-f") as process:
            assert next_line(process).endswith(" before\n")

            lost.kill()
            heir = new_worker()
            heir.call(heir.start(), "print", text="after")

            assert next_line(process).endswith(" after\n")
            process.send_signal(signal.SIGINT)
            _, stderr = process.communicate(timeout=WAIT_SECONDS)
        assert f"Worker {lost.worker_id} is gone, and with it the lines of its sessions" in stderr


def test_a_restart_of_the_registry_is_survived(platform: Platform, worker: Worker) -> None:
    session_id = worker.start()
    worker.call(session_id, "print", text="before")
    with contextlib.ExitStack() as following:
        with platform.serving():
            process = following.enter_context(platform.command("acme/echo", "-f"))
            assert next_line(process).endswith(" before\n")
        worker.call(session_id, "print", text="meanwhile")
        with platform.serving():
            assert next_line(process).endswith(" meanwhile\n")
            assert process.poll() is None

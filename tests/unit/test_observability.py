import io
import json

import pytest

from mooring.observability import logger


@pytest.fixture
def output(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    logger.remove_keys(["session_id", "worker_id"])  # of whatever another test has handled
    stream = io.StringIO()
    monkeypatch.setattr(logger.handlers[0], "stream", stream)
    return stream


def test_a_line_is_json_with_a_constant_message_and_its_ids_beside_it(output: io.StringIO) -> None:
    logger.warning("session not ended", session_id="s1")
    line = json.loads(output.getvalue())
    assert (line["message"], line["session_id"], line["level"]) == ("session not ended", "s1", "WARNING")


def test_what_one_line_carries_the_next_one_does_not(output: io.StringIO) -> None:
    logger.warning("first", session_id="s1")
    logger.warning("second")
    assert "session_id" not in json.loads(output.getvalue().splitlines()[1])

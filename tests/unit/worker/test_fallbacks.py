"""What a session does on a machine that lacks what it prefers: pidfd, setpriv."""

import os
from collections.abc import Callable
from typing import Any

import pytest

from mooring_worker import sandbox
from tests.unit.worker.edge import Edge

Start = Callable[..., Any]


async def test_an_exit_is_noticed_without_pidfd(
    edge: Edge, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsupported(pid: int) -> int:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(os, "pidfd_open", unsupported)
    worker = await start()
    await worker.order()
    await worker.post({"id": 0, "method": "ping"})

    await worker.call("crash", 1, code=5)

    assert (await edge.answer_to(1))["error"]["data"]["exitCode"] == 5


@pytest.mark.parametrize("uids", ["", "20000-20009"])
async def test_a_session_runs_without_setpriv(
    edge: Edge, start: Start, monkeypatch: pytest.MonkeyPatch, uids: str
) -> None:
    if uids and os.geteuid() != 0:
        pytest.skip("only root may change uids")
    monkeypatch.setattr(sandbox, "_setpriv", lambda: None)
    worker = await start(child_uids=uids)
    script = 'read x; echo "{\\"id\\":1,\\"result\\":\\"$(id -u) $(id -g)\\"}"; read x'
    await worker.order(launch={"command": "sh", "args": ["-c", script]})

    await worker.post({"id": 1, "method": "who"})

    assert (await edge.answer_to(1))["result"] == ("20000 20000" if uids else f"{os.getuid()} {os.getgid()}")

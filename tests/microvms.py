"""Lambda MicroVMs as AWS has them: a control plane, and before each the proxy that the emulator lacks.

The proxy wants a token, says 502 while nobody answers behind it, resumes on traffic, and suspends who has had
none for long by a clock that the test moves. What runs behind it is a process here, or a container.
"""

import http.client
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from mooring_local.processes import free_port
from tests.unit.loopback import serving

HOOKS = "/aws/lambda-microvms/runtime/v1"
_ROOT = Path(__file__).parents[1]
_SECONDS = 20.0
_POLL_SECONDS = 0.02


class Machine(Protocol):
    """What runs behind the proxy."""

    url: str

    def suspend(self) -> None: ...
    def resume(self) -> None: ...
    def terminate(self) -> None: ...


Boot = Callable[[str, dict[str, Any]], Machine]
"""Starts a machine, by its id and the order of RunMicrovm, up to and with the hook /run."""


@dataclass
class Microvm:
    id: str
    order: dict[str, Any]
    machine: Machine | None
    endpoint: str = ""
    state: str = "RUNNING"
    restoring: int = 1
    """Requests that are still to meet the proxy before the machine."""
    tokens: dict[str, float] = field(default_factory=dict)
    seen_at: float = 0.0


class Cloud:
    def __init__(self, boot: Boot) -> None:
        self.url = ""
        self.now = 0.0
        self.microvms: dict[str, Microvm] = {}
        self.refuses_runs = False
        self.never_answers = False
        self._boot = boot
        self._stack = ExitStack()

    def pass_seconds(self, seconds: float) -> None:
        """Let time go by: who has had no traffic for its idle time is suspended."""
        self.now += seconds
        for one in self.microvms.values():
            idle_seconds = one.order["idlePolicy"]["maxIdleDurationSeconds"]
            if one.state == "RUNNING" and self.now - one.seen_at >= idle_seconds:
                self.suspend(one)

    def suspend(self, one: Microvm) -> None:
        assert one.machine
        one.machine.suspend()
        one.state = "SUSPENDED"

    def control(self, method: str, target: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        if "/lambda/aws4_request" not in headers.get("authorization", ""):
            return 403, b"{}"
        _, version, noun, *rest = urlsplit(target).path.split("/")
        assert (version, noun) == ("2025-09-09", "microvms")
        if not rest:
            return self._run(json.loads(body))
        one = self.microvms.get(rest[0])
        if one is None:
            return 404, b'{"message": "no such MicroVM"}'
        match method, *rest[1:]:
            case ("GET",):
                return 200, json.dumps({"microvmId": one.id, "state": one.state}).encode()
            case ("DELETE",):
                self.terminate(one)
                return 200, b""
            case ("POST", "auth-token"):
                order = json.loads(body)
                assert 1 <= order["expirationInMinutes"] <= 60
                assert order["allowedPorts"] == [{"port": 8080}]
                token = secrets.token_urlsafe(8)
                one.tokens[token] = self.now + 60 * order["expirationInMinutes"]
                return 200, json.dumps({"authToken": {"X-aws-proxy-auth": token}}).encode()
        return 400, b"{}"

    def terminate(self, one: Microvm) -> None:
        if one.state != "TERMINATED":
            one.state = "TERMINATED"
            if one.machine:
                one.machine.terminate()

    def _run(self, order: dict[str, Any]) -> tuple[int, bytes]:
        if self.refuses_runs:
            return 402, b'{"message": "memory quota exceeded"}'
        assert order["imageIdentifier"].startswith("arn:")
        assert len(order["runHookPayload"]) <= 4096
        assert order["idlePolicy"].keys() == {
            "maxIdleDurationSeconds",
            "suspendedDurationSeconds",
            "autoResumeEnabled",
        }
        assert "executionRoleArn" not in order
        same = [one for one in self.microvms.values() if one.order["clientToken"] == order["clientToken"]]
        one = same[0] if same else self._boot_one(order)
        answer = {"microvmId": one.id, "endpoint": one.endpoint, "state": "PENDING"}
        return 200, json.dumps(answer).encode()

    def _boot_one(self, order: dict[str, Any]) -> Microvm:
        microvm_id = f"mvm-{secrets.token_hex(4)}"
        machine = None if self.never_answers else self._boot(microvm_id, order)
        one = Microvm(getattr(machine, "id", microvm_id), order, machine, seen_at=self.now)
        one.endpoint = self._stack.enter_context(
            serving(lambda method, target, headers, body: self._proxy(one, method, target, headers, body))
        )
        self.microvms[one.id] = one
        return one

    def _proxy(
        self, one: Microvm, method: str, target: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, bytes]:
        if one.tokens.get(headers.get("x-aws-proxy-auth", ""), -1) <= self.now:
            return 403, b'{"message": "Forbidden"}'
        if headers.get("x-aws-proxy-port", "8080") != "8080":
            return 403, b'{"message": "Forbidden"}'
        one.seen_at = self.now
        if one.state == "SUSPENDED" and one.machine:
            one.machine.resume()
            one.state = "RUNNING"
            return 502, b"Bad Gateway"
        if one.restoring or one.state != "RUNNING" or one.machine is None:
            one.restoring = max(0, one.restoring - 1)
            return 502, b"Bad Gateway"
        return forward(one.machine.url, method, target, headers, body)


def forward(url: str, method: str, target: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=_SECONDS)
    kept = {name: value for name, value in headers.items() if not name.startswith(("x-aws", "host"))}
    try:
        connection.request(method, target, body, kept)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except OSError:
        return 502, b"Bad Gateway"
    finally:
        connection.close()


@contextmanager
def cloud(boot: Boot) -> Iterator[Cloud]:
    one = Cloud(boot)
    with one._stack, serving(one.control) as url:
        one.url = url
        try:
            yield one
        finally:
            for microvm in one.microvms.values():
                one.terminate(microvm)


class ProcessMachine:
    """A worker as a process of this machine, frozen by SIGSTOP."""

    def __init__(self, folder: Path, microvm_id: str, order: dict[str, Any]) -> None:
        self.id = microvm_id
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        home = folder / microvm_id
        home.mkdir()
        environ = {
            **{
                name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MOORING_"))
            },
            "PYTHONPATH": f"{_ROOT / 'shared'}:{_ROOT / 'worker'}",
            "MOORING_HOME": str(home),
            "MOORING_ENGINE": "microvm",
            "MOORING_CONNECTIONS_URL": "http://unused",
            "MOORING_WORKER_SECRET": "unused",
            "MOORING_WORKER_PORT": str(port),
            "MOORING_HEARTBEAT_SECONDS": "0.05",
            "MOORING_GATE_SECONDS": "0",
            "MOORING_EXIT_GRACE_SECONDS": "0.3",
            "MOORING_TERM_GRACE_SECONDS": "0.3",
        }
        self.log = home / "log"
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "mooring_worker"], env=environ, stderr=log
            )
        deadline = time.monotonic() + _SECONDS
        while self.hook("ready") != 200:
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(_POLL_SECONDS)
        given = {"microvmId": microvm_id, "runHookPayload": order["runHookPayload"]}
        assert self.hook("run", given) == 200, self.log.read_text()

    def hook(self, name: str, body: dict[str, Any] | None = None) -> int:
        return forward(self.url, "POST", f"{HOOKS}/{name}", {}, json.dumps(body or {}).encode())[0]

    def suspend(self) -> None:
        assert self.hook("suspend") == 200
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._process.send_signal(signal.SIGCONT)
        assert self.hook("resume") == 200

    def terminate(self) -> None:
        self._process.send_signal(signal.SIGCONT)
        self.hook("terminate")
        self.kill()

    def kill(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(_SECONDS)
        finally:
            self._process.kill()
            self._process.wait()

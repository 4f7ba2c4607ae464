"""Starts a session in a MicroVM of its own: what `placement.place` is for the pool."""

import time
from typing import Any

from mooring.errors import LimitReached, NotDeployed
from mooring.limits import SCOPES, Use
from mooring.microvm_rows import MicrovmRows
from mooring.microvms import Microvms
from mooring.servers import Server
from mooring.settings import AwsSettings, Settings
from mooring.workers import Worker, WorkerClient

_HAS = {"principal": "your principal has", "server": "the server has"}


class MicrovmStart:
    def __init__(self, microvms: Microvms, machines: MicrovmRows, workers: WorkerClient) -> None:
        self._microvms = microvms
        self._machines = machines
        self._workers = workers

    def run(self, session_id: str, order: dict[str, Any]) -> Worker:
        """Start the session that `order` describes; return its MicroVM, which has been announced.

        Raises:
            LimitReached: the principal, or the server, has as many sessions as it may have.
            WorkerUnavailable: no MicroVM could be started; it has been terminated.
            InvalidRequest: the launch rule cannot be used.
        """
        _check_limits(order)
        door = self._microvms.start(session_id, order["connection"])
        now = time.time()
        machine = Worker(
            door.microvm_id,
            door.address,
            used=1,
            capacity=1,
            lease=now + self._microvms.life_seconds,
            draining=True,  # it takes no other session
            # A start is counted by no one after its minute: the row of a MicroVM is written once.
            uses={scope: {order[scope]: Use(1, 0)} for scope in SCOPES if order.get(scope)},
            session_id=session_id,
            server=order["server"],
            started_at=now,
        )
        try:
            self._machines.announce(machine)  # first: the reaper terminates what has no session
            self._workers.start(door.address, session_id, order)
        except BaseException:
            self.take_back(machine)
            raise
        return machine

    def take_back(self, machine: Worker) -> None:
        """Terminate a MicroVM that was started in vain; the reaper does it if AWS does not now."""
        if self._microvms.terminate(machine.worker_id):
            self._machines.forget(machine.worker_id)


def configured(
    settings: Settings, aws: AwsSettings, dynamodb: Any
) -> tuple[WorkerClient, MicrovmStart | None]:
    """Return what calls workers, and what starts MicroVMs where the settings say that there are any."""
    microvms = Microvms.configured(settings, aws)
    workers = WorkerClient(settings.worker_secret, microvms=microvms)
    rows = MicrovmRows(dynamodb, settings.workers_table)
    return workers, MicrovmStart(microvms, rows, workers) if microvms else None


def chosen(server: Server, isolation: MicrovmStart | None, engine: str) -> MicrovmStart | None:
    """Return what starts the server's sessions; None: the pool of workers.

    Raises:
        NotDeployed: it wants a MicroVM for each session, and there are none here (`isolation` is None).
    """
    if server.isolated and isolation is None:
        raise NotDeployed(
            f"{server.qualified_name} is isolated: its sessions run in MicroVMs, which this Mooring does"
            " not have; its operator can deploy it with the engine microvm or both"
        )
    return isolation if server.isolated or engine == "microvm" else None


def _check_limits(order: dict[str, Any]) -> None:
    """Refuse before a MicroVM is paid for what its worker would refuse."""
    for scope in SCOPES:
        allowed = order.get("limits", {}).get(scope, {}).get("sessions", 0)
        held = sum(use.sessions for use in order.get("reported", {}).get(scope, {}).values())
        if 0 < allowed <= held:
            raise LimitReached(
                f"{_HAS[scope]} {held} open sessions of {allowed}; end one, or ask the operator for a higher"
                " limit",
                {"limit": f"{scope}_sessions", "allowed": allowed},
            )

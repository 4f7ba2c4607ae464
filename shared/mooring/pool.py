"""The pool of workers as a service of ECS: how many tasks it has, how many it is to have, which ones go.

ECS stops whichever task it likes that is not protected; a worker with sessions protects its own. So the ones
that are to go are told to take no more sessions, and go when they are empty. On a deployment ECS waits for
protected tasks, and those of the old version would go on taking sessions: they are told too.
"""

import json
from dataclasses import dataclass
from time import time
from typing import Any

from mooring.aws_json import AwsError, AwsService
from mooring.errors import MooringError
from mooring.observability import logger
from mooring.scaling import Limits, Scaler, of_another_version
from mooring.settings import AwsSettings, Settings
from mooring.workers import Worker, WorkerClient, WorkerTable


@dataclass(frozen=True, slots=True)
class Service:
    desired: int
    task_definition: str
    """`family:revision` of the tasks that are started now."""


class Pool:
    def __init__(
        self, settings: Settings, aws: AwsSettings, workers: WorkerTable, client: WorkerClient
    ) -> None:
        self._name = {"cluster": settings.pool_cluster, "service": settings.pool_service}
        self._ecs = AwsService(
            "ecs",
            aws.ecs_url,
            aws,
            content_type="application/x-amz-json-1.1",
            target_prefix="AmazonEC2ContainerServiceV20141113",
            errors={},
        )
        self._workers = workers
        self._client = client
        self._scaler = Scaler(
            Limits(settings.pool_min, settings.pool_max, settings.pool_spare_slots, settings.pool_task_slots)
        )

    def tend(self) -> None:
        """Look once, and change what has to change. What fails is logged and tried at the next look."""
        try:
            service = self._describe()
            workers = [worker for worker in self._workers.all() if worker.engine == "fargate"]
            now, version = time(), service.task_definition
            decision = self._scaler.decide(
                workers, service.desired, now, demand_at=self._workers.demand_at, version=version
            )
            old = of_another_version(workers, version, service.desired, now)
            for worker in (*decision.leaving, *old):
                self._tell_to_leave(worker)
            if decision.wanted != service.desired:
                self._call("UpdateService", {"desiredCount": decision.wanted})
                logger.info("pool scaled", desired=service.desired, wanted=decision.wanted)
        except (AwsError, OSError) as error:
            logger.warning("pool not tended", error=type(error).__name__)

    def _describe(self) -> Service:
        answer = self._call("DescribeServices", {})
        if not answer.get("services"):
            raise AwsError("ServiceNotFoundException", "the pool's service is not there")
        (service,) = answer["services"]
        definition = service["taskDefinition"].rpartition("/")[2]
        return Service(service["desiredCount"], definition)

    def _call(self, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        name = dict(self._name)
        if operation == "DescribeServices":
            name["services"] = [name.pop("service")]  # type: ignore[assignment]
        answer: dict[str, Any] = json.loads(self._ecs.call(operation, {**name, **parameters}))
        return answer

    def _tell_to_leave(self, worker: Worker) -> None:
        try:
            self._client.drain(worker.address)
            logger.info("worker told to leave", worker_id=worker.worker_id, used=worker.used)
        except MooringError as error:
            logger.warning("worker not told", worker_id=worker.worker_id, error=type(error).__name__)

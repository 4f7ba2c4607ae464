"""The project of CodeBuild that builds what publishers bring."""

from dataclasses import dataclass
from typing import Any

from mooring.errors import LimitReached

RUNNING = "IN_PROGRESS"
_ORDER = "MOORING_BUILD_ORDER"
_LINE_CHARACTERS = 500


@dataclass(frozen=True)
class Outcome:
    status: str
    """`IN_PROGRESS`, `SUCCEEDED`, `FAILED`, `FAULT`, `TIMED_OUT` or `STOPPED`."""
    log_group: str = ""
    log_stream: str = ""

    @property
    def is_running(self) -> bool:
        return self.status == RUNNING


class BuildProject:
    """`codebuild` and `logs` are boto3 clients."""

    def __init__(self, codebuild: Any, logs: Any, name: str) -> None:
        self._codebuild = codebuild
        self._logs = logs
        self._name = name

    def start(self, order: str, token: str) -> str:
        """Start a build that reads its order from an address; return its id, once for each `token`.

        Raises:
            LimitReached: as many builds as may run at once do.
        """
        try:
            started = self._codebuild.start_build(
                projectName=self._name,
                idempotencyToken=token,
                environmentVariablesOverride=[{"name": _ORDER, "value": order, "type": "PLAINTEXT"}],
            )
        except self._codebuild.exceptions.AccountLimitExceededException as error:
            raise LimitReached(
                "as many builds are running as may run at once; try again in some minutes"
            ) from error
        return str(started["build"]["id"])

    def stop(self, build: str) -> None:
        """End a build; it may have ended by itself."""
        self._codebuild.stop_build(id=build)

    def outcome(self, build: str) -> Outcome | None:
        """Return how it stands with a build; None: there is no such one any more."""
        builds = self._codebuild.batch_get_builds(ids=[build])["builds"]
        if not builds:
            return None
        logs = builds[0].get("logs") or {}
        return Outcome(builds[0]["buildStatus"], logs.get("groupName") or "", logs.get("streamName") or "")

    def last_lines(self, outcome: Outcome, count: int) -> list[str]:
        """Return the last that a build has printed."""
        if not outcome.log_group or not outcome.log_stream:
            return []
        try:
            answer = self._logs.get_log_events(
                logGroupName=outcome.log_group,
                logStreamName=outcome.log_stream,
                limit=count,
                startFromHead=False,
            )
        except self._logs.exceptions.ResourceNotFoundException:  # it ended before it printed anything
            return []
        lines = [str(event["message"]).rstrip() for event in answer["events"]]
        return [line[:_LINE_CHARACTERS] for line in lines if line]

"""Runs a container as Fargate would run it: from the deployed task definition, with its restrictions."""

import contextlib
import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cloud.deployment import Deployment

_START_SECONDS = 60.0
_STOP_SECONDS = 120
_CAPABILITIES = ("CHOWN", "DAC_OVERRIDE", "KILL", "SETGID", "SETPCAP", "SETUID")
RESTRICTIONS = ("--read-only", "--cap-drop=ALL", *(f"--cap-add={name}" for name in _CAPABILITIES))
"""Those of the task definition, for tests that do without the stack."""


def docker(*arguments: str, timeout_seconds: float = _START_SECONDS) -> str:
    """Run a docker command; its output explains a failure."""
    done = subprocess.run(
        ["docker", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout_seconds,
        check=False,
    )
    assert done.returncode == 0, f"docker {arguments[0]}: {done.stdout}"
    return done.stdout.strip()


def as_api_writes(value: Any) -> Any:
    """Return what CloudFormation has handed over, with names as ECS has them: the emulator keeps some."""
    if isinstance(value, list):
        return [as_api_writes(one) for one in value]
    if isinstance(value, dict):
        return {name[:1].lower() + name[1:]: as_api_writes(one) for name, one in value.items()}
    return value


def described(ecs: Any, arn: str) -> dict[str, Any]:
    """Return a task definition whole: boto3 leaves out what it does not know the name of."""
    bodies: list[bytes] = []
    ecs.meta.events.register(
        "before-parse.ecs.DescribeTaskDefinition",
        lambda response_dict, **_: bodies.append(response_dict["body"]),
    )
    ecs.describe_task_definition(taskDefinition=arn)
    task: dict[str, Any] = as_api_writes(json.loads(bodies[0])["taskDefinition"])
    return task


@dataclass(frozen=True)
class Definition:
    """The container of the deployed task definition."""

    container: dict[str, Any]
    task_role: str
    environment: dict[str, str]

    @classmethod
    def deployed(cls, deployment: Deployment) -> "Definition":
        ecs, secrets = deployment.client("ecs"), deployment.client("secretsmanager")
        (arn,) = ecs.list_task_definitions(sort="DESC", maxResults=1)["taskDefinitionArns"]
        task = described(ecs, arn)
        (container,) = task["containerDefinitions"]
        environment = {one["name"]: one["value"] for one in container.get("environment", [])}
        for secret in container.get("secrets", []):
            environment[secret["name"]] = secrets.get_secret_value(SecretId=secret["valueFrom"])[
                "SecretString"
            ]
        return cls(container, task["taskRoleArn"], environment)

    @property
    def restrictions(self) -> list[str]:
        """Return what of it limits the container, as options of `docker run`."""
        capabilities = self.container.get("linuxParameters", {}).get("capabilities", {})
        options = [f"--cap-drop={name}" for name in capabilities.get("drop", [])]
        options += [f"--cap-add={name}" for name in capabilities.get("add", [])]
        if self.container.get("readonlyRootFilesystem"):
            options.append("--read-only")
        return options


@contextlib.contextmanager
def container(
    image: str, environment: Mapping[str, str], options: Sequence[str], mounts: Mapping[Path, str]
) -> Iterator[str]:
    """Run `image` on the host's network; yield the container's id. What it printed explains a failure."""
    variables = [f"--env={name}={value}" for name, value in environment.items()]
    volumes = [f"--volume={source}:{target}:ro" for source, target in mounts.items()]
    home = ["--mount=type=volume,target=/var/lib/mooring"]
    name = docker("run", "--detach", "--network=host", *options, *home, *volumes, *variables, image)
    try:
        yield name
    except BaseException as error:
        error.add_note(docker("logs", "--tail=40", name))
        raise
    finally:
        docker("rm", "--force", "--volumes", name)


def stop(name: str) -> None:
    """Stop a container as ECS does, with SIGTERM first; return when it has ended."""
    docker("stop", f"--time={_STOP_SECONDS}", name, timeout_seconds=_STOP_SECONDS + 30)


def running(name: str) -> bool:
    state: dict[str, Any] = json.loads(docker("inspect", "--format={{json .State}}", name))
    return bool(state["Running"])

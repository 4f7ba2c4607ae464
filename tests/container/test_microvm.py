"""Sessions in MicroVMs that the emulator makes of containers, from the archive that Lambda would get.

The emulator has AWS's control plane, hooks included; the double before it is the proxy that it lacks. Workers
call back at the address of Docker's bridge on this machine.
"""

import ipaddress
import json
import re
import time
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from mooring import callbacks, worker_image
from mooring_local import emulator as ministack
from mooring_local import processes
from tests import microvms
from tests.cloud.deployment import SAM_ENVIRONMENT
from tests.container.task import docker
from tests.emulator import Emulator
from tests.microvm_world import CALLBACK_SECRET, World, until, world
from tests.microvms import Cloud, forward
from tests.unit.loopback import serving

pytestmark = pytest.mark.integration

_ROOT = Path(__file__).parents[2]
_API = "/2025-09-09"
_BUILD_SECONDS = 300.0
_POLL_SECONDS = 0.2
# What the container's child says of itself: how often it has been asked, and where it is.
_CHILD = """
import json, os, socket, sys
asked = 0
for line in sys.stdin:
    asked += 1
    said = json.dumps([asked, socket.gethostname(), os.readlink("/proc/self/ns/pid")])
    result = {"content": [{"type": "text", "text": said}]}
    print(json.dumps({"jsonrpc": "2.0", "id": json.loads(line)["id"], "result": result}), flush=True)
"""
LAUNCH = {"command": "python3", "args": ["-u", "-c", _CHILD]}
HOOKS = {  # as the template has them
    "port": 8080,
    "microvmImageHooks": {
        "ready": "ENABLED",
        "readyTimeoutInSeconds": 120,
        "validate": "ENABLED",
        "validateTimeoutInSeconds": 60,
    },
    "microvmHooks": dict.fromkeys(("run", "resume", "suspend", "terminate"), "ENABLED"),
}


def call(url: str, method: str, path: str, order: dict[str, Any] | None = None) -> dict[str, Any]:
    status, answer = forward(url, method, _API + path, {}, json.dumps(order or {}).encode())
    assert status < 300, answer
    found: dict[str, Any] = json.loads(answer or b"{}")
    return found


class ContainerMachine:
    """A MicroVM of the emulator's."""

    def __init__(self, emulator_url: str, order: dict[str, Any]) -> None:
        self._emulator_url = emulator_url
        self.id = call(emulator_url, "POST", "/microvms", order)["microvmId"]
        self.container = f"microvm-{self.id}"
        self.url = "http://" + docker("port", self.container, "8080/tcp").splitlines()[0]
        mounts = json.loads(docker("inspect", "--format={{json .Mounts}}", self.container))
        self._volumes = [one["Name"] for one in mounts if one["Type"] == "volume"]

    @property
    def state(self) -> str:
        """Return Docker's word for it; empty: there is no such container."""
        return docker("ps", "--all", f"--filter=name=^{self.container}$", "--format={{.State}}")

    def suspend(self) -> None:
        call(self._emulator_url, "POST", f"/microvms/{self.id}/suspend")

    def resume(self) -> None:
        call(self._emulator_url, "POST", f"/microvms/{self.id}/resume")

    def terminate(self) -> None:
        call(self._emulator_url, "DELETE", f"/microvms/{self.id}")
        docker("volume", "rm", "--force", *self._volumes)


def archive(base_image: str) -> bytes:
    """Return what the stack uploads, on the base that there is here: the build is given no arguments."""
    packed = worker_image.pack({"shared/mooring": _ROOT / "shared/mooring", "worker": _ROOT / "worker"})
    changed = BytesIO()
    with zipfile.ZipFile(BytesIO(packed)) as source, zipfile.ZipFile(changed, "w") as target:
        for info in source.infolist():
            content = source.read(info)
            if info.filename == "Dockerfile":
                content = re.sub(rb"(?m)^ARG (BASE|NODE)=.*", rb"ARG \1=" + base_image.encode(), content)
            target.writestr(info, content)
    return changed.getvalue()


def images() -> set[str]:
    return set(docker("images", "--format={{.Repository}}:{{.Tag}}", "ministack-microvm").splitlines())


@pytest.fixture(scope="module")
def aws(base_image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """Give an emulator that has made the image `mooring`."""
    before = images()
    process = ministack.Emulator(
        processes.free_port(),
        tmp_path_factory.mktemp("emulator") / "log",
        "test",
        "test",
        services="dynamodb,dynamodbstreams,s3,lambda,lambda-microvms",
        program=SAM_ENVIRONMENT / "ministack",
        variables={"MINISTACK_DOCKER_TIMEOUT": str(_BUILD_SECONDS)},
    )
    try:
        process.wait_until_ready()
        one = Emulator(process.url)
        with one.client("s3") as s3:
            s3.create_bucket(Bucket="source")
            s3.put_object(Bucket="source", Key="source.zip", Body=archive(base_image))
        make_image(process.url)
        yield one
    finally:
        process.stop()
        for image in images() - before:
            docker("rmi", "--force", image)


def make_image(url: str) -> None:
    order = {
        "name": "mooring",
        "baseImageArn": "arn:aws:lambda:us-east-1:aws:microvm-image:al2023-1",
        "buildRoleArn": "arn:aws:iam::000000000000:role/build",
        "codeArtifact": {"uri": "s3://source/source.zip"},
        "environmentVariables": {
            "MOORING_ENGINE": "microvm",
            "MOORING_CAPACITY": "1",
            "MOORING_CONNECTIONS_URL": "unused",
            "MOORING_WORKER_SECRET": "unused",
        },
        "hooks": HOOKS,
    }
    call(url, "POST", "/microvm-images", order)
    deadline = time.monotonic() + _BUILD_SECONDS
    while (state := call(url, "GET", "/microvm-images/mooring")["state"]) == "CREATING":
        assert time.monotonic() < deadline, "the image is not made"
        time.sleep(_POLL_SECONDS)
    assert state == "CREATED"  # it is not, unless /ready and /validate have been answered by 200


@pytest.fixture
def cloud(aws: Emulator) -> Iterator[Cloud]:
    with microvms.cloud(lambda name, order: ContainerMachine(aws.url, order)) as one:
        yield one


@pytest.fixture
def mooring(aws: Emulator, cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    subnet = docker("network", "inspect", "bridge", "--format={{(index .IPAM.Config 0).Subnet}}")
    bridge = str(next(ipaddress.ip_network(subnet).hosts()))  # this machine, as containers see it
    worlds: list[World] = []
    with ExitStack() as stack:
        url = stack.enter_context(serving(lambda *request: worlds[0].callback(*request), host=bridge))
        worlds.append(stack.enter_context(world(aws, cloud, LAUNCH, monkeypatch, url)))
        yield worlds[0]


def machines(cloud: Cloud) -> list[ContainerMachine]:
    found = [one.machine for one in cloud.microvms.values()]
    return [one for one in found if isinstance(one, ContainerMachine)]


def test_each_session_has_a_container_of_its_own(mooring: World, cloud: Cloud) -> None:
    for connection in ("c1", "c2"):
        assert mooring.connect(connection)["statusCode"] == 200
    said = [json.loads(mooring.call(connection, 1, "where")) for connection in ("c1", "c2")]
    hosts = [docker("inspect", "--format={{.Config.Hostname}}", one.container) for one in machines(cloud)]
    assert [host for _, host, _ in said] == hosts
    namespaces = {namespace for _, _, namespace in said}
    assert len(set(hosts)) == len(namespaces) == 2
    assert str(Path("/proc/self/ns/pid").readlink()) not in namespaces
    for one in machines(cloud):
        assert "microvm runs" in docker("logs", one.container)


def test_a_suspended_container_is_resumed_by_a_frame_and_removed_when_the_client_leaves(
    mooring: World, cloud: Cloud
) -> None:
    mooring.connect("c1")
    assert json.loads(mooring.call("c1", 1, "where"))[0] == 1
    (machine,) = machines(cloud)
    cloud.pass_seconds(61)
    assert machine.state == "paused"
    assert json.loads(mooring.call("c1", 2, "where"))[0] == 2
    assert machine.state == "running"
    mooring.send("c1", 2, "where")  # API Gateway calls a function twice at times
    assert json.loads(mooring.call("c1", 3, "where"))[0] == 3
    assert len(mooring.answers("c1", 2)) == 1
    mooring.disconnect("c1")
    until(lambda: machine.state == "", "the container's end")


@pytest.mark.parametrize(
    ("secret", "session", "at", "status"),
    [
        (CALLBACK_SECRET, None, 0, 200),
        ("another", None, 0, 403),
        (CALLBACK_SECRET, "another", 0, 403),
        (CALLBACK_SECRET, None, -61, 403),
    ],
)
def test_where_containers_call_back_a_forged_call_is_refused(
    mooring: World, secret: str, session: str | None, at: int, status: int
) -> None:
    mooring.connect("c1")
    (row,) = mooring.rows("sessions")
    own, microvm = row["session_id"]["S"], row["worker_id"]["S"]
    signer = session or own
    order = {"do": "post", "microvm": microvm, "connection": "c1"}
    body = json.dumps(order).encode() + b'\n{"jsonrpc":"2.0","method":"forged"}'
    headers = callbacks.signed(callbacks.session_key(secret, signer), signer, body, time.time() + at)
    assert mooring.callback("POST", f"/_/callback/{own}", headers, body)[0] == status
    assert len(mooring.client.got) == (status == 200)

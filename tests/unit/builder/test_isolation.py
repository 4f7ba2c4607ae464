"""What a build can see, reach and use up (`mooring_local.builder.isolation`): each attack is really made."""

import asyncio
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from mooring_local.builder import isolation
from mooring_local.builder.isolation import LimitExceeded, Limits, Place

LIMITS = Limits(seconds=20, memory_bytes=256 * 2**20, disk_bytes=64 * 2**20, processes=64)
SECONDS = 30.0

Run = Callable[..., Any]

needs_isolation = pytest.mark.skipif(not isolation.is_isolated(), reason="bubblewrap does not work here")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    folders = [tmp_path / "build" / name for name in ("bundle", "scratch", "cache")]
    for folder in folders:
        folder.mkdir(parents=True)
    for name in ("home", "tmp"):
        (folders[1] / name).mkdir()
    bundle, scratch, cache = folders
    return Place(bundle, scratch, cache, None)


async def built(place: Place, code: str, limits: Limits = LIMITS, **variables: str) -> str:
    """Run Python code as a build; return what it printed. Raises LimitExceeded."""
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", **variables}
    isolated = isolation.isolated([sys.executable, "-c", code], place, [], environment, limits)
    process = await asyncio.create_subprocess_exec(
        *isolated.argv,
        env=dict(isolated.environment),
        cwd=place.scratch,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    assert process.stdout
    reading = asyncio.create_task(process.stdout.read())
    try:
        async with asyncio.timeout(SECONDS):
            await isolation.watch(process, place, limits)
    finally:
        isolation.kill(process.pid)
        async with asyncio.timeout(SECONDS):
            await process.wait()
    return (await reading).decode()


@needs_isolation
async def test_it_sees_no_file_but_the_systems_and_its_own(place: Place, tmp_path: Path) -> None:
    secret = tmp_path / "operator.key"
    secret.write_text("mk_secret")
    code = f"""
import json, os
from pathlib import Path
print(json.dumps([Path({str(secret)!r}).exists(), Path("/root").exists() and os.listdir("/root"),
    sorted(os.listdir("/home")) if Path("/home").exists() else [], Path("/etc/shadow").exists()]))
"""
    assert secret.exists()
    seen, of_root, homes, shadow = json.loads(await built(place, code))
    assert not seen
    assert not shadow
    assert homes == []
    # Of a home there is at most the way to the interpreter.
    assert of_root in (False, [], [".pyenv"])


@needs_isolation
async def test_it_sees_no_process_but_its_own(place: Place) -> None:
    code = "import os; print(sum(name.isdigit() for name in os.listdir('/proc')))"
    assert int(await built(place, code)) <= 3


@needs_isolation
async def test_it_writes_nowhere_but_into_its_own_folders(place: Place) -> None:
    package = Path(isolation.__file__).parent
    code = f"""
import sys
from pathlib import Path
for folder in ("/usr/lib", {str(package)!r}, sys.prefix, "/etc"):
    try:
        Path(folder, "left-by-a-build").write_text("x")
    except OSError:
        continue
    print("wrote into", folder)
Path("/build/bundle/made").write_text("made")
"""
    assert await built(place, code) == ""
    assert (place.bundle / "made").read_text() == "made"


async def test_its_environment_is_what_it_was_given(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOORING_SECRET_KEY", "secret")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    said = json.loads(await built(place, "import json, os; print(json.dumps(dict(os.environ)))", CI="1"))
    assert "secret" not in said.values()
    assert said["CI"] == "1"
    assert said["HOME"].endswith("scratch/home")


@needs_isolation
async def test_it_has_no_capability_and_cannot_get_any(place: Place) -> None:
    code = """
import subprocess
kinds = ("CapEff", "CapPrm", "CapBnd")
print([line.split()[1] for line in open("/proc/self/status") if line.startswith(kinds)])
print(subprocess.run(["mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True).returncode != 0)
"""
    lines = (await built(place, code)).splitlines()
    assert lines[0] == str(["0" * 16] * 3)
    assert lines[1] == "True"


async def test_it_ends_when_its_time_is_over(place: Place) -> None:
    limits = Limits(1.0, LIMITS.memory_bytes, LIMITS.disk_bytes, LIMITS.processes)
    with pytest.raises(LimitExceeded, match="longer than 1 seconds"):
        await built(place, "import time; time.sleep(60)", limits)


async def test_it_ends_when_its_processes_take_too_much_memory_together(place: Place) -> None:
    code = """
import subprocess, sys, time
hold = "x = bytearray(100 * 2**20); x[::4096] = b'1' * len(x[::4096]); import time; time.sleep(60)"
children = [subprocess.Popen([sys.executable, "-c", hold]) for _ in range(4)]
time.sleep(60)
"""
    with pytest.raises(LimitExceeded, match="more than 256 MiB of memory"):
        await built(place, code)


async def test_it_ends_when_it_writes_too_much(place: Place) -> None:
    folder = Path("/build/bundle") if isolation.is_isolated() else place.bundle
    code = f"""
import time
for number in range(100):
    with open(f"{folder}/{{number}}", "wb") as file:
        file.write(bytes(2**20))
time.sleep(60)
"""
    with pytest.raises(LimitExceeded, match="wrote more than 64 MiB"):
        await built(place, code)


@needs_isolation
async def test_a_fork_bomb_is_bounded_and_ended(place: Place) -> None:
    code = """
import os, time
while True:
    try:
        if os.fork() == 0:
            time.sleep(60)
    except OSError:
        time.sleep(0.1)
"""
    limits = Limits(5.0, LIMITS.memory_bytes * 8, LIMITS.disk_bytes, 64)
    with pytest.raises(LimitExceeded):
        await built(place, code, limits)


@needs_isolation
async def test_nothing_it_has_started_outlives_it(place: Place) -> None:
    code = """
import subprocess, sys
subprocess.Popen(["setsid", "sleep", "98761"], start_new_session=True)
"""
    await built(place, code)
    left = [one for one in psutil.process_iter(["cmdline"]) if one.info["cmdline"] == ["sleep", "98761"]]
    assert left == []


@needs_isolation
async def test_it_dies_with_who_started_it(place: Place) -> None:
    """The builder may be killed at any time."""
    mark = f"98762.{os.getpid()}"
    command = ["sh", "-c", f"echo started; exec sleep {mark}"]
    isolated = isolation.isolated(command, place, [], {"PATH": "/usr/bin:/bin"}, LIMITS)
    starter = f"""
import subprocess, time
process = subprocess.Popen({list(isolated.argv)!r}, env={dict(isolated.environment)!r})
time.sleep(60)
"""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", starter, stdout=asyncio.subprocess.PIPE, env={"PATH": os.defpath}
    )
    assert process.stdout
    await process.stdout.readline()
    process.kill()
    async with asyncio.timeout(SECONDS):
        await process.wait()
        while any(mark in (one.info["cmdline"] or []) for one in psutil.process_iter(["cmdline"])):
            await asyncio.sleep(0.02)

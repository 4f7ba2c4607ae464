"""A Mooring whose builds run elsewhere: DynamoDB and S3 of an emulator, the registry's app on loopback.

Of AWS only CodeBuild is a fake. It starts what it would start, `mooring_local.builder.remote`, as a process.
"""

import asyncio
import contextlib
import io
import os
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mooring.archives import Bounds
from mooring.build_files import BuildFiles
from mooring.build_inputs import BuildInputs
from mooring.build_reports_api import BuildReports
from mooring.build_rows import BuildRows
from mooring.bundle_store import BundleStore
from mooring.cloud_builds import CloudBuilds, Terms
from mooring.codebuild import BuildProject
from mooring.keys import OF_ROLE, Principal
from mooring.registry_api import create_app
from mooring.release_table import Queued, ReleaseTable
from mooring.releases import ReleaseRecord
from mooring.releases_api import Releases
from mooring.rollouts import Rollout
from mooring.scanning import Scan
from mooring.sealing import LocalSealer
from mooring.settings import AwsSettings
from mooring.uploads import Uploads
from mooring_local import tables
from tests.integration import registry
from tests.integration.registry import Registry

ROOT = Path(__file__).resolve().parents[1]
BUCKET = "mooring-bundles"
SECRET = "of-the-builds"
SERVER = "acme/clock"
FILES = {
    "smithery.yaml": "startCommand:\n  type: stdio\n  command: node\n  args: [index.js]\n",
    "package.json": '{"name": "clock", "version": "1.0.0", "bin": "index.js"}',
    "index.js": "#!/usr/bin/env node\nconsole.error('a server')\n",
}
PUBLISHER = Principal("publisher", OF_ROLE["admin"], "k1")
ENDS_SECONDS = 60.0


class NoSuchLog(Exception):
    pass


class TooMany(Exception):
    pass


class CodeBuild:
    """CodeBuild and CloudWatch Logs, as their clients are called."""

    class exceptions:
        AccountLimitExceededException = TooMany
        ResourceNotFoundException = NoSuchLog

    def __init__(self, variables: dict[str, str]) -> None:
        self.variables = variables
        self.runs = True
        """Whether builds are run; otherwise they stay in progress."""
        self.is_full = False
        self.started: list[dict[str, Any]] = []
        self.stopped: list[str] = []
        self.statuses: dict[str, str] = {}
        self.lines: dict[str, list[str]] = {}
        self._processes: dict[str, subprocess.Popen[str]] = {}

    def start_build(self, **order: Any) -> dict[str, Any]:
        if self.is_full:
            raise TooMany
        build = f"mooring:{len(self.started)}"
        self.started.append(order)
        self.statuses[build] = "IN_PROGRESS"
        (variable,) = order["environmentVariablesOverride"]
        if self.runs:
            self._processes[build] = subprocess.Popen(
                [sys.executable, "-P", "-m", "mooring_local.builder.remote"],
                env={
                    "PATH": os.environ["PATH"],
                    "PYTHONPATH": f"{ROOT / 'shared'}{os.pathsep}{ROOT / 'local'}",
                    variable["name"]: variable["value"],
                    **self.variables,
                },
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        return {"build": {"id": build}}

    def stop_build(self, id: str) -> None:
        self.stopped.append(id)
        self.statuses[id] = "STOPPED"

    def batch_get_builds(self, ids: list[str]) -> dict[str, Any]:
        found = [one for one in ids if one in self.statuses]
        logs = {"groupName": "builds", "streamName": "stream"}
        return {"builds": [{"id": one, "buildStatus": self.statuses[one], "logs": logs} for one in found]}

    def get_log_events(self, **wanted: Any) -> dict[str, Any]:
        lines = [line for one in self.lines.values() for line in one]
        return {"events": [{"message": f"{line}\n"} for line in lines[-wanted["limit"] :]]}

    def wait(self, build: str) -> str:
        """Wait until a build has ended by itself, and return what it has printed."""
        process = self._processes[build]
        output, _ = process.communicate(timeout=ENDS_SECONDS)
        self.lines[build] = output.splitlines()
        if self.statuses[build] == "IN_PROGRESS":
            self.statuses[build] = "FAILED" if process.returncode else "SUCCEEDED"
        return output

    def end(self) -> None:
        for process in self._processes.values():
            if process.poll() is None:
                process.kill()
                process.communicate(timeout=10)


@dataclass
class World:
    registry: Registry
    url: str
    table: ReleaseTable
    rows: BuildRows
    inputs: BuildInputs
    uploads: Uploads
    store: BundleStore
    builds: CloudBuilds
    codebuild: CodeBuild
    s3: Any
    scanned: list[str] = field(default_factory=list)
    found: Callable[[], Scan] = lambda: Scan(
        era="legacy", protocol_version="2025-11-25", server_info={"name": "s"}, tools=[{"name": "now"}]
    )
    now: float = 0.0

    def clock(self) -> float:
        return self.now or time.time()

    def request(self, server: str, source: dict[str, Any], **more: Any) -> ReleaseRecord:
        if self.registry.catalog.record(server, is_latest=True) is None:
            registry.put_server(self.registry.dynamodb, server)
        return self.table.request(server, source, PUBLISHER, **more)

    def upload(self, files: dict[str, str]) -> dict[str, Any]:
        """Upload a folder as one file and return the source that it is."""
        content = io.BytesIO()
        with tarfile.open(fileobj=content, mode="w:gz") as archive:
            for name, text in files.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(text.encode())
                archive.addfile(entry, io.BytesIO(text.encode()))

        async def chunks() -> Any:
            yield content.getvalue()

        sha256 = asyncio.run(self.uploads.put(chunks()))
        return {"type": "upload", "sha256": sha256, "name": "server.tar.gz"}

    def begin(self, record: ReleaseRecord) -> None:
        """Have the function told that a release was asked for."""
        asyncio.run(self.builds.begin(Queued(record.server, record.id, is_taken=False)))

    def ended(self, build: str = "mooring:0") -> None:
        """Have the function told that a build has ended."""
        asyncio.run(self.builds.ended(build))

    def record(self, record: ReleaseRecord) -> ReleaseRecord:
        return self.table.get(record.server, record.id)

    def log(self, record: ReleaseRecord) -> list[str]:
        return [line["message"] for line in self.table.lines(record.server, record.id)[0]]


@contextlib.contextmanager
def running(served: Registry, **variables: str) -> Iterator[World]:
    """Run one on an emulator that is there; `variables` are what builds are started with."""
    aws = AwsSettings.read(served.emulator.variables)
    sealer = LocalSealer(bytes(32))
    dynamodb, name = served.dynamodb, tables.name("releases")
    table = ReleaseTable(dynamodb, name, sealer)
    inputs = BuildInputs(dynamodb, name, "builder:1")
    uploads = Uploads(store=BundleStore(f"s3://{BUCKET}/uploads", aws))
    app = create_app(
        *(served.catalog, served.editor, served.keys, served.tickets, served.profiles),
        releases=Releases(table, uploads),
        build_reports=BuildReports(table, inputs, SECRET),
        ws_url="wss://host",
        public_url="https://host/",
    )
    codebuild = CodeBuild(variables)
    with registry.serving(app) as url, served.emulator.client("s3") as s3:
        store = BundleStore(f"s3://{BUCKET}/bundles", aws)
        world: World

        async def scan(address: str | Callable[[], str], _headers: dict[str, str]) -> Scan:
            world.scanned.append(address if isinstance(address, str) else address())
            return world.found()

        rollout = Rollout(
            table, served.catalog, served.editor, served.tickets, "wss://host", scan, scan, kept=20
        )
        rows = BuildRows(dynamodb, name, sealer)
        builds = CloudBuilds(
            table,
            rows,
            inputs,
            BuildFiles(
                s3,
                BundleStore(f"s3://{BUCKET}/builds", aws, suffix=""),
                BundleStore(f"s3://{BUCKET}/uploads", aws),
                store,
                Bounds(10_000_000, 1000),
            ),
            BuildProject(codebuild, codebuild, "mooring"),
            rollout,
            Terms(url, SECRET, 5, 1_000_000),
            clock=lambda: world.clock(),
        )
        world = World(served, url, table, rows, inputs, uploads, store, builds, codebuild, s3)
        try:
            yield world
        finally:
            codebuild.end()
            served.forget_servers()
            for item in dynamodb.scan(TableName=name)["Items"]:
                dynamodb.delete_item(TableName=name, Key={key: item[key] for key in ("server", "item")})
            for found in s3.list_objects_v2(Bucket=BUCKET).get("Contents", ()):
                s3.delete_object(Bucket=BUCKET, Key=found["Key"])

"""Small projects of strangers, built and started as a worker would start them."""

import hashlib
import io
import json
import shutil
import subprocess
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mooring import command_function, staging, trees
from mooring.launch import Computed, planned
from mooring_local import building, plans
from mooring_local.packages import Package
from mooring_local.runtimes import runtime_path

INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}
# Servers that answer one line, with what they were started with.
NODE = """\
const said = %s;
require('readline').createInterface({ input: process.stdin }).on('line', (line) => {
  const result = { said, args: process.argv.slice(2), key: process.env.KEY || null };
  console.log(JSON.stringify({ jsonrpc: '2.0', id: JSON.parse(line).id, result }));
});
"""
PYTHON = """\
import json, os, sys
%s
def main():
    request = json.loads(sys.stdin.readline())
    result = {"said": said, "args": sys.argv[1:], "key": os.environ.get("KEY")}
    print(json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": result}), flush=True)
if __name__ == "__main__":
    main()
"""
Files = Mapping[str, str | bytes | Mapping[str, Any]]


def write(folder: Path, files: Files) -> Path:
    """Write `files` below `folder`; a mapping becomes JSON."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content if isinstance(content, str) else json.dumps(content))
    return folder


def zipped(path: Path, files: Files) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            text = content if isinstance(content, str | bytes) else json.dumps(content)
            archive.writestr(name, text)
    return path


def tarred(path: Path, *entries: tarfile.TarInfo | tuple[str, str]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for entry in entries:
            if isinstance(entry, tarfile.TarInfo):
                archive.addfile(entry)
                continue
            name, text = entry
            info = tarfile.TarInfo(name)
            info.size = len(text.encode())
            archive.addfile(info, io.BytesIO(text.encode()))
    return path


def upload(file: Path, folder: str = "") -> dict[str, Any]:
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    return {"type": "upload", "sha256": digest, "name": file.name, "folder": folder}


def repository(folder: Path, files: Files) -> str:
    """Make a git repository of `files`; return its address."""
    write(folder, files)
    for command in (
        ("init", "--quiet", "--initial-branch=main", "."),
        ("add", "--all"),
        ("-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "--quiet", "-m", "all"),
    ):
        subprocess.run(["git", *command], cwd=folder, check=True, capture_output=True)
    return f"git+file://{folder}"


@dataclass
class Built:
    package: Package
    path: Path
    home: Path
    digest: str
    lines: list[str] = field(repr=False)

    def answer(self, config: dict[str, Any] | None = None) -> dict[str, Any]:
        """Start the server without a network to install from and return its answer to `initialize`."""
        done = self.run(config)
        assert done.stdout, done.stderr
        result: dict[str, Any] = json.loads(done.stdout.splitlines()[0])["result"]
        return result

    def run(self, config: dict[str, Any] | None = None) -> "subprocess.CompletedProcess[str]":
        package = self.package
        used = plans.session_config(package.config_schema, package.example_config, config)
        session = self.home / "session"
        session.mkdir(exist_ok=True)
        launch = planned(package.launch, used, str(self.path), str(session))
        if isinstance(launch, Computed):
            said = command_function.evaluate(launch.source, used)
            launch = launch.launch(said.command, said.args, said.env)
        path = ":".join([*launch.path, runtime_path(self.home / "runtimes"), "/usr/local/bin:/usr/bin:/bin"])
        offline = {"npm_config_offline": "true", "PIP_NO_INDEX": "1"}
        return subprocess.run(
            launch.argv,
            env={"HOME": str(session), **offline, "PATH": path, **launch.env},
            cwd=launch.cwd,
            input=json.dumps(INITIALIZE) + "\n",
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def names(self) -> set[str]:
        return {str(path.relative_to(self.path)) for path in trees.files(self.path)}


class Maker:
    """Builds in a home of its own; each build is kept, read-only, in a folder of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._count = 0

    def __call__(self, source: Mapping[str, Any], file: Path | None = None) -> Built:
        self._count += 1
        bundles = self.home / f"bundles-{self._count}"
        bundles.mkdir()
        lines: list[str] = []
        with staging.workspace(bundles) as workspace:
            package = building.install(
                source, file, workspace, self.home / "runtimes", lines.append, allow_file=True
            )
            trees.clean(workspace.path)
            digest = trees.digest(workspace.path)
            path = bundles / digest
            trees.freeze(workspace.path)
            staging.publish(workspace.path, path)
        return Built(package, path, self.home, digest, lines)

    def folder(self, files: Files, inner: str = "") -> Built:
        """Build `files` as an upload."""
        self._count += 1
        file = zipped(self.home / f"upload-{self._count}.zip", files)
        return self(upload(file, inner), file)


@contextmanager
def maker(home: Path) -> Iterator[Maker]:
    home.mkdir()
    try:
        yield Maker(home.resolve())
    finally:
        trees.remove(home)
        shutil.rmtree(home, ignore_errors=True)


Make = Callable[[Mapping[str, Any]], Built]

"""One build: a source becomes a bundle, in a process that cannot do anything else."""

import asyncio
import json
import os
import stat
import sys
import tempfile
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from mooring import settings, staging, trees
from mooring.errors import MooringError
from mooring.fixed_sources import fixed
from mooring.release_bodies import BuiltPackage
from mooring.staging import Workspace
from mooring_local import bundles
from mooring_local.builder import isolation
from mooring_local.builder.egress import SOCKET, Egress
from mooring_local.builder.inputs import Inputs
from mooring_local.builder.isolation import LimitExceeded, Limits, Place
from mooring_local.packages import BuildFailed, Progress
from mooring_local.runtimes import runtime_path

_MAX_LINE_BYTES = 4 * 1024 * 1024  # of what the child says; a package holds its configSchema
_SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"
_COMPILE_SECONDS = 120.0
_OPEN = 0o755
_END_SECONDS = 2.0
_LAST_WORDS_SECONDS = 1.0
_LAST_WORDS_BYTES = 65_536
_MAX_CACHE_BYTES = 1024 * 1024 * 1024
_NETWORK = (
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
    *("GIT_SSL_CAINFO", "PIP_CERT", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS"),
    *("PIP_DEFAULT_TIMEOUT", "NPM_CONFIG_REGISTRY", "npm_config_registry"),
)

PROXIES = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy")

Document = dict[str, Any]


@dataclass(frozen=True)
class Built:
    digest: str
    package: BuiltPackage
    is_cached: bool


class Builder:
    """`home` is the folder of the builder's own: what was built of what, and the caches of installers."""

    def __init__(
        self,
        home: Path,
        bundles: Path,
        runtimes: Path,
        limits: Limits,
        egress: Egress,
        inputs: Inputs | None = None,
    ) -> None:
        self._home = home
        self._bundles = bundles
        self._runtimes = runtimes
        self._limits = limits
        self._egress = egress
        self._inputs = inputs or Inputs(home / "inputs")
        bundles.mkdir(parents=True, exist_ok=True)

    async def build(self, server: str, source: Document, file: Path | None, progress: Progress) -> Built:
        """Return the bundle of a source. It may be cancelled, and leaves nothing then.

        Raises:
            BuildFailed: says why, and what to do.
        """
        identity: object = fixed(source)
        if known := self._known(server, identity):
            return known
        with staging.workspace(self._bundles.resolve()) as workspace, self._scratch() as scratch:
            cache = await asyncio.to_thread(self._cache, server)
            place = Place(workspace.path, scratch, cache, file)
            async with self._egress.serving(scratch), self._child(place, source) as (process, order):
                talk = _Talk(process, progress)
                await talk.tell(order)
                said = await self._watched(process, place, talk.hear("identity"))
                identity = identity or said["identity"]
                if known := self._known(server, identity):
                    return known
                await talk.tell("build")
                said = await self._watched(process, place, talk.hear("package"))
            package = _package(said)
            progress("Sealing the bundle")
            digest = await asyncio.to_thread(self._seal, workspace, source, package)
        if isinstance(identity, str):
            kept = {"digest": digest, "package": package.model_dump(by_alias=True)}
            self._inputs.keep(server, identity, kept)
        return Built(digest, package, is_cached=False)

    def _known(self, server: str, identity: object) -> Built | None:
        kept = self._inputs.find(server, identity) if isinstance(identity, str) else None
        if kept is None or not (self._bundles / kept["digest"]).is_dir():
            return None
        return Built(kept["digest"], BuiltPackage.model_validate(kept["package"]), is_cached=True)

    async def _watched(
        self, process: asyncio.subprocess.Process, place: Place, hear: Coroutine[Any, Any, Document]
    ) -> Document:
        hearing = asyncio.create_task(hear)
        watching = asyncio.create_task(isolation.watch(process, place, self._limits))
        try:
            await asyncio.wait({hearing, watching}, return_when=asyncio.FIRST_COMPLETED)
            if watching.done():
                watching.result()
            return await hearing
        except LimitExceeded as error:
            raise BuildFailed(
                f"the build was ended: {error}", "Make it smaller, or publish a package"
            ) from error
        finally:
            hearing.cancel()
            watching.cancel()

    def _seal(self, workspace: Workspace, source: Document, package: BuiltPackage) -> str:
        """Make what was built a bundle that nobody changes; what is in it comes from strangers."""
        check(workspace.path)
        return bundles.seal(
            workspace,
            {"source": source, **package.model_dump(by_alias=True)},
            lambda line: None,
            python=isolation.bounded([sys.executable], self._limits.memory_bytes),
            compile_seconds=_COMPILE_SECONDS,
        )

    @asynccontextmanager
    async def _child(
        self, place: Place, source: Document
    ) -> AsyncIterator[tuple[asyncio.subprocess.Process, Document]]:
        command = [sys.executable, "-P", "-m", "mooring_local.builder.child"]
        environment = {
            **_network(),
            "PATH": f"{runtime_path(self._runtimes)}:{_SYSTEM_PATH}",
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            "LANG": "C.UTF-8",
            "CI": "1",
        }
        isolated = isolation.isolated(command, place, [self._runtimes.resolve()], environment, self._limits)
        process = await asyncio.create_subprocess_exec(
            *isolated.argv,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=dict(isolated.environment),
            cwd=place.scratch,
            start_new_session=True,
            limit=_MAX_LINE_BYTES,
        )
        inside = isolated.inside
        try:
            yield (
                process,
                {
                    "source": source,
                    "file": str(inside.source) if inside.source else None,
                    "folder": str(inside.bundle),
                    "runtimes": str(self._runtimes.resolve()),
                    "egress": str(inside.scratch / SOCKET) if isolation.is_isolated() else None,
                },
            )
        finally:
            isolation.kill(process.pid)
            with suppress(TimeoutError):  # what is left of it may hold its output, where nothing is isolated
                await asyncio.wait_for(process.wait(), _END_SECONDS)

    @contextmanager
    def _scratch(self) -> Iterator[Path]:
        folder = Path(tempfile.mkdtemp(prefix="mooring-build-"))
        try:
            for name in ("home", "tmp"):
                (folder / name).mkdir()
            yield folder
        finally:
            trees.remove(folder)

    def _cache(self, server: str) -> Path:
        """Return the caches of package installers, for this server alone."""
        folder = self._home / "cache" / server.replace("/", "+")
        if isolation.size_bytes([folder]) > _MAX_CACHE_BYTES:
            trees.remove(folder)
        folder.mkdir(parents=True, exist_ok=True)
        return folder


class _Talk:
    """With the process of a build. What it says comes from strangers."""

    def __init__(self, process: asyncio.subprocess.Process, progress: Progress) -> None:
        assert process.stdin and process.stdout, "pipes"
        self._input, self._output = process.stdin, process.stdout
        self._process = process
        self._progress = progress

    async def tell(self, what: Document | str) -> None:
        with suppress(ConnectionError):  # it has ended: hearing it says why
            self._input.write((what if isinstance(what, str) else json.dumps(what)).encode() + b"\n")
            await self._input.drain()

    async def hear(self, wanted: str) -> Document:
        """Return the message that has `wanted`, and pass on what is logged before it; raises BuildFailed."""
        while True:
            try:
                line = await self._output.readline()
                message = json.loads(line) if line else None
            except ValueError:  # no JSON, or a line without end
                message = None
            if not isinstance(message, dict):
                raise BuildFailed(
                    "the build ended without saying why", "Try it again", await self._last_words()
                )
            if wanted in message:
                return message
            if isinstance(failed := message.get("failed"), dict):
                raise _failure(failed)
            if "log" in message:
                self._progress(str(message["log"]))

    async def _last_words(self) -> list[str]:
        assert self._process.stderr, "a pipe"
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_WORDS_SECONDS):
                text = await self._process.stderr.read(_LAST_WORDS_BYTES)
                return text.decode(errors="replace").splitlines()[-5:]
        return []


def _failure(said: Document) -> BuildFailed:
    details = said.get("details")
    lines = [str(line) for line in details[:20]] if isinstance(details, list) else []
    return BuildFailed(str(said.get("message"))[:2000], str(said.get("advice") or "")[:2000], lines)


def _package(said: Document) -> BuiltPackage:
    try:
        return BuiltPackage.model_validate(said["package"])
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()[:5])
        raise BuildFailed(f"what was built cannot be started: {problems}", "Correct its launch") from error
    except MooringError as error:
        raise BuildFailed(error.message, "Correct its configSchema") from error


def check(root: Path) -> None:
    """Refuse a tree that is not made of files, folders, and links that stay in it; raises BuildFailed."""
    real = root.resolve()
    if os.path.lexists(root / trees.DESCRIPTION):
        raise BuildFailed(
            f"{trees.DESCRIPTION} is there already", "Have the build remove it: it is Mooring's"
        )
    for folder, folder_names, file_names in os.walk(root):
        for path in (Path(folder, name) for name in (*folder_names, *file_names)):
            mode, name = path.lstat().st_mode, path.relative_to(root)
            if stat.S_ISLNK(mode):
                target = path.readlink()
                if target.is_absolute() or not (path.parent / target).resolve().is_relative_to(real):
                    raise BuildFailed(
                        f"{name} is a link that leads out of what was built",
                        "Have the build copy what it needs",
                    )
            elif stat.S_ISDIR(mode):
                path.chmod(_OPEN)  # or what is in it would be neither looked at nor part of the digest
            elif not stat.S_ISREG(mode):
                raise BuildFailed(f"{name} is neither a file nor a folder", "Have the build remove it")


def _network() -> dict[str, str]:
    """Return how packages are reached from here, without what would let somebody in there."""
    names = _NETWORK if isolation.is_isolated() else (*_NETWORK, *PROXIES)
    return {name: text for name, text in settings.inherited(names).items() if "@" not in text}

"""From a source document to an installed package in a workspace."""

import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from mooring.staging import Workspace
from mooring_local import npm, plans, pypi, repositories
from mooring_local.building import (
    documents,
    identities,
    manifests,
    node_projects,
    origins,
    projects,
    python_build,
    python_projects,
    shims,
    starts,
    tidy,
    unpacking,
)
from mooring_local.building.node_build import NodeBuild
from mooring_local.building.origins import Git, Registry, Upload
from mooring_local.building.projects import Making
from mooring_local.building.python_build import PythonBuild
from mooring_local.packages import BuildFailed, Package, Progress
from mooring_local.repositories import CannotFetch

_SERVER_JSON = "server.json"
_MANIFEST = "manifest.json"


def install(
    source: Mapping[str, Any],
    file: Path | None,
    workspace: Workspace,
    runtimes_dir: Path,
    progress: Progress,
    *,
    allow_file: bool = False,
) -> Package:
    """Fetch, recognise, install and build `source` into the workspace; `file` is what was uploaded.

    Nothing that starts the package needs the network for what the build could bring. `allow_file` is for
    tests: repositories of this machine.

    Raises:
        BuildFailed
    """
    found = origins.read(source)
    making = _Installing(workspace, runtimes_dir, progress)
    if isinstance(found, Git):
        package = making.git(found, allow_file)
    elif isinstance(found, Registry):
        package = making.registry(found)
    elif isinstance(found, Upload):
        package = making.upload(found, file)
    else:
        package = making.document(found.content)
    tidy.clean(workspace.path, progress)
    tidy.scripts(workspace.path / "bin")
    return package


class _Installing:
    def __init__(self, workspace: Workspace, runtimes_dir: Path, progress: Progress) -> None:
        self._workspace = workspace
        self._top = workspace.path
        self._runtimes_dir = runtimes_dir
        self._progress = progress

    def git(self, source: Git, allow_file: bool) -> Package:
        address = source.address
        self._progress(f"Fetching {address.url}" + (f" at {address.ref}" if address.ref else ""))
        with tempfile.TemporaryDirectory(prefix="mooring-git-") as place:
            try:
                repositories.fetch(address, Path(place), allow_file=allow_file)
            except CannotFetch as error:
                raise BuildFailed(str(error), "Check the address, the ref and the folder") from error
            tree = Path(place) / "tree"
            commit = repositories.head(tree)
            shutil.rmtree(tree / ".git")
            for path in tree.iterdir():
                shutil.move(path, self._top / path.name)
        unpacking.check_links(self._top)
        name = address.url.rstrip("/").rpartition("/")[2].removesuffix(".git")
        return replace(self._folder(address.folder, name), commit=commit)

    def registry(self, source: Registry) -> Package:
        if source.name == "npm":
            package = npm.install(
                source.spec, self._workspace, self._runtimes_dir, self._progress, (), self._progress
            )
        else:
            package = pypi.install(source.spec, self._workspace, self._progress, (), self._progress)
        return replace(package, reason=f"{package.address}, started by its own command")

    def upload(self, source: Upload, file: Path | None) -> Package:
        if file is None or identities.sha256(file) != source.sha256:
            raise BuildFailed("the upload is not what its sha256 says", "Upload it again")
        if not unpacking.is_archive(file):
            return self.document(
                _object(file.read_text(encoding="utf-8", errors="replace")[: plans.MAX_FILE_BYTES])
            )
        self._progress(f"Unpacking {source.name or 'the upload'}")
        unpacking.unpack(file, self._top)
        text = plans.read(self._top / _MANIFEST, self._top)
        manifest = _parsed(text)
        if manifest is not None and isinstance(manifest.get("server"), dict):
            return self._mcpb(manifest)
        return self._folder(source.folder, source.name.partition(".")[0])

    def document(self, content: dict[str, Any]) -> Package:
        described = documents.read(content)
        said = described.document
        self._progress(f"server.json: its {described.registry} package {described.spec}")
        command = (described.command,) if described.command else ()
        if described.registry == "npm":
            package = npm.install(
                described.spec, self._workspace, self._runtimes_dir, self._progress, command, self._progress
            )
        else:
            package = pypi.install(described.spec, self._workspace, self._progress, command, self._progress)
        return replace(
            package,
            launch=described.rule(package.launch),
            config_schema=described.config_schema or {},
            description=said.description or package.description,
            reason=f"the {described.registry} package of server.json, {package.address}",
        )

    def _folder(self, inner: str, name: str) -> Package:
        folder = self._top / inner
        if not folder.is_dir() or not folder.resolve().is_relative_to(self._top.resolve()):
            raise BuildFailed(f"there is no folder {inner[:80]}", "Give a folder that is there")
        if (self._top / tidy.STATE_FOLDER).exists():
            self._progress(f"Leaving out the folder {tidy.STATE_FOLDER}, which is Mooring's own")
            shutil.rmtree(self._top / tidy.STATE_FOLDER)
        text = plans.read(folder / _SERVER_JSON, self._top)
        try:
            start = starts.of_folder(folder, self._top)
        except BuildFailed as error:
            if text is None or "there is no smithery.yaml" not in error.cause:
                raise
            return self.document(_object(text))
        making = Making(self._top, folder.resolve(), self._runtimes_dir, self._progress, self._workspace.lock)
        return making.package(start, name)

    def _mcpb(self, manifest: dict[str, Any]) -> Package:
        rule = manifests.rule(manifest)
        start = starts.of_rule(rule, "the mcp_config of its manifest.json", manifests.schema(manifest))
        self._progress(f"Recognised: {start.reason}")
        entry = manifests.entry_point(manifest, self._top)
        program = self._top / start.words[0].removeprefix("${bundle}/")
        for path in (entry if manifests.kind(manifest) == "binary" else None, program):
            if path is not None and path.is_file() and path.resolve().is_relative_to(self._top.resolve()):
                path.chmod(0o755)  # a zip need not say it
        folders = list(dict.fromkeys([entry.parent if entry else self._top, self._top]))
        site = self._dependencies(folders)
        written = shims.Shims(self._top)
        written.write_runners()
        launch = {**rule, "path": [f"${{bundle}}/{tidy.STATE_FOLDER}/bin"]}
        if site:
            known = rule.get("env", {}).get("PYTHONPATH")
            own = f"${{bundle}}/{projects.SITE}"
            launch["env"] = {**rule.get("env", {}), "PYTHONPATH": f"{known}:{own}" if known else own}
        making = Making(self._top, self._top, self._runtimes_dir, self._progress, self._workspace.lock)
        making.check_start(start.words, launch)
        return Package(
            name=str(manifest.get("display_name") or manifest.get("name") or "server"),
            launch=launch,
            runtime={"node": "node", "python": "python", "uv": "python"}.get(manifests.kind(manifest), ""),
            version=str(manifest.get("version") or ""),
            description=str(manifest.get("description") or "")[:2000],
            config_schema=start.config_schema or {},
            reason=start.reason,
        )

    def _dependencies(self, folders: list[Path]) -> bool:
        """Install what a bundle lists and does not hold; say whether that is Python."""
        for folder in folders:
            project = node_projects.found(folder, self._top)
            lacks = not (folder / "node_modules").is_dir()
            if project and lacks and node_projects.dependencies(project.manifest, "dependencies"):
                NodeBuild(project, self._runtimes_dir, self._progress, self._workspace.lock).install_only()
                return False
            found = python_projects.found(folder, self._top)
            if found is not None:
                site = self._top / projects.SITE
                build = PythonBuild(site, self._top, self._progress, self._workspace.lock)
                build.project(found)
                shims.Shims(self._top).write_python(site, python_build.scripts(site))
                return site.is_dir()
        return False


def _object(text: str) -> dict[str, Any]:
    document = _parsed(text)
    if document is None:
        raise BuildFailed("the upload is no archive, no .mcpb and no server.json", "Upload one of these")
    return document


def _parsed(text: str | None) -> dict[str, Any] | None:
    try:
        document = json.loads(text or "null")
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None

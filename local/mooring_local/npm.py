"""npm packages: installed with npm, started with node."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mooring.staging import Workspace
from mooring_local import commands, runtimes
from mooring_local.packages import (
    BuildFailed,
    Launch,
    Package,
    Progress,
    select_script,
    web_address,
)

_NO_NETWORK = ("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "ENETUNREACH")
NPM = commands.Program(
    "npm",
    "npm error",
    (
        (_NO_NETWORK, "npm cannot reach its registry; check the network and npm's own configuration"),
        (("E404",), "There is no such package; check the spelling"),
        (("ETARGET",), "There is no such version; see which exist: npm view <package> versions"),
        (("EBADENGINE",), "The package needs another version of Node"),
        (("ERESOLVE",), "Its dependencies contradict each other; add a lock file, or correct their versions"),
        (
            ("node-gyp", "gyp ERR!", "prebuild-install"),
            "It compiles native code and there is no compiler here; take a version with a prebuilt file",
        ),
    ),
)


def install(
    spec: str,
    workspace: Workspace,
    runtimes_dir: Path,
    progress: Progress,
    command: Sequence[str],
    output: Progress = lambda line: None,
) -> Package:
    """Install `spec` (`name`, `@scope/name@version`, ...) into the workspace; npm's lines go to `output`.

    Raises:
        BuildFailed
    """
    node = runtimes.node(runtimes_dir, progress)
    progress(f"Installing {spec} with npm")
    project = workspace.path / "package.json"
    project.write_text('{"name":"bundle","private":true}', encoding="utf-8")
    # A folder is copied, not linked: a bundle holds all it needs.
    options = ["--omit=dev", "--install-links", "--no-audit", "--no-fund", "--loglevel=error"]
    npm = [*node.npm, "install", "--prefix", str(workspace.path), *options, "--", spec]
    commands.run(
        NPM,
        f"install {spec}",
        npm,
        environment=node.environment,
        progress=output,
        lock=workspace.lock,
    )
    name = _installed_name(spec, project)
    folder = workspace.path / "node_modules" / name
    manifest = _read(folder / "package.json")
    version = _text(manifest.get("version"))
    script, arguments = select_script(name, _scripts(manifest), name.rpartition("/")[2], command)
    return Package(
        name=name,
        launch=_launch(folder, f"${{bundle}}/node_modules/{name}", script, arguments),
        address=f"npm:{name}@{version}",
        runtime="node",
        version=version,
        description=_text(manifest.get("description")),
        homepage=web_address(_text(manifest.get("homepage")), _repository(manifest.get("repository"))),
    )


def _installed_name(spec: str, project: Path) -> str:
    """Return the name npm wrote down for `spec`, which may be a path, a tarball or an alias."""
    names = list(_read(project).get("dependencies", {}))
    if len(names) != 1:
        raise BuildFailed(f"npm installed {len(names)} packages for {spec}", "Give one package")
    name: str = names[0]
    return name


def _scripts(manifest: dict[str, Any]) -> dict[str, str]:
    scripts = manifest.get("bin")
    if isinstance(scripts, str):
        return {str(manifest["name"]).rpartition("/")[2]: scripts}
    return dict(scripts) if isinstance(scripts, dict) else {}


def _launch(folder: Path, address: str, script: str, arguments: list[str]) -> Launch:
    path = script.removeprefix("./")
    with (folder / path).open("rb") as file:
        first_line = file.readline(200)
    if first_line.startswith(b"#!") and b"node" not in first_line:
        return {"command": f"{address}/{path}", "args": arguments}
    return {"command": "node", "args": [f"{address}/{path}", *arguments]}


def _repository(value: object) -> str:
    url = value.get("url") if isinstance(value, dict) else value
    return _text(url).removeprefix("git+").removesuffix(".git")


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content

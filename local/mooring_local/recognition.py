"""How a repository without a `smithery.yaml` is started: by what else lies in it."""

import json
import shlex
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mooring_local import dockerfiles
from mooring_local.packages import Kind, Launch

_ADD = "add a smithery.yaml (mooring init writes one)"
_NO_IMAGES = "mooring deploy builds no images: add a package.json or pyproject.toml"
_MAX_BYTES = 1024 * 1024
_NODE_LOCKS = (
    ("pnpm-lock.yaml", "pnpm install --frozen-lockfile", "pnpm"),
    ("yarn.lock", "yarn install --frozen-lockfile", "yarn"),
    ("package-lock.json", "npm ci", "npm"),
    ("npm-shrinkwrap.json", "npm ci", "npm"),
)


@dataclass(frozen=True)
class Recognised:
    rule: Launch | None
    reason: str
    """How it was recognised and is built; without a rule, what is missing and what to add."""
    kind: Kind = "stdio"


def recognise(folder: Path, root: Path, *, with_image: bool = True) -> Recognised:
    """Return how the server in `folder` would be started; nothing outside `root` is read.

    Without `with_image`, a Dockerfile does not count.
    """
    missing = []
    ways = (_by_package_json, _by_pyproject, _by_requirements)
    for way in (_by_dockerfile, *ways) if with_image else ways:
        found = way(folder, root)
        if found is not None and found.rule is not None:
            return found if way in ways else _beside_an_image(found, folder, root)
        if found is not None:
            missing.append(found.reason)
    said = "; ".join(missing) or "there is no Dockerfile, package.json or pyproject.toml"
    return Recognised(None, f"{said}: {_ADD}", "invalid")


def _beside_an_image(image: Recognised, folder: Path, root: Path) -> Recognised:
    """Return what a Dockerfile says, and what is made of the folder instead: images are not built."""
    other = recognise(folder, root, with_image=False)
    said = f"mooring deploy makes a bundle instead: {other.reason}" if other.rule else _NO_IMAGES
    return replace(image, reason=f"{image.reason}; {said}")


def _by_dockerfile(folder: Path, root: Path) -> Recognised | None:
    text = _text(folder / "Dockerfile", root)
    if text is None:
        return None
    image = dockerfiles.parse(text)
    if not image.command:
        return Recognised(None, "the Dockerfile has neither CMD nor ENTRYPOINT")
    kind: Kind = "container-http" if image.listens else "stdio"
    rule: Launch = {"command": image.command[0], "args": list(image.command[1:])}
    if image.listens:
        rule["env"] = {"PORT": str(dockerfiles.PORT)}
    return Recognised(rule, "built from its Dockerfile and started as the image says", kind)


def _by_package_json(folder: Path, root: Path) -> Recognised | None:
    text = _text(folder / "package.json", root)
    if text is None:
        return None
    try:
        manifest = json.loads(text)
    except (ValueError, RecursionError):
        return Recognised(None, "package.json is not JSON")
    if not isinstance(manifest, dict):
        return Recognised(None, "package.json is not an object")
    words, where = _node_words(manifest)
    if not words:
        members = _workspaces(manifest, folder, root)
        hint = f"; its workspaces have one: {', '.join(members)}, plan one with --folder" if members else ""
        return Recognised(None, f"package.json has neither bin nor scripts.start{hint}")
    return Recognised(
        {"command": words[0], "args": words[1:]}, f"{where} of package.json, {_built(manifest, folder, root)}"
    )


def _node_words(manifest: dict[str, Any]) -> tuple[list[str], str]:
    """Return what starts the server, and which field says it."""
    mcp = manifest.get("mcp")
    if isinstance(mcp, dict) and isinstance(mcp.get("command"), str):
        arguments = mcp.get("args")
        return [mcp["command"], *map(str, arguments if isinstance(arguments, list) else [])], "mcp"
    script = _bin(manifest)
    if script:
        return ["node", script.removeprefix("./")], "bin"
    scripts = manifest.get("scripts")
    start = scripts.get("start") if isinstance(scripts, dict) else None
    if isinstance(start, str) and start.strip():
        try:
            words = shlex.split(start)
        except ValueError:
            words = []
        is_simple = words and not set("&|;<>$`") & set(start) and "=" not in words[0]
        return (words if is_simple else ["npm", "run", "--silent", "start"]), "scripts.start"
    return [], ""


def _bin(manifest: dict[str, Any]) -> str:
    scripts = manifest.get("bin")
    if isinstance(scripts, str):
        return scripts
    if not isinstance(scripts, dict):
        return ""
    named = {str(name): path for name, path in scripts.items() if isinstance(path, str)}
    own = str(manifest.get("name", "")).rpartition("/")[2]
    return named.get(own) or (next(iter(named.values())) if named else "")


def _built(manifest: dict[str, Any], folder: Path, root: Path) -> str:
    scripts = manifest.get("scripts")
    has_build = isinstance(scripts, dict) and "build" in scripts
    for at in (folder, *folder.parents):
        for lock, install, tool in _NODE_LOCKS:
            if (at / lock).is_file():
                where = "" if at == folder else f" in {at.name}"
                return f"built with {install}{where}" + (f", {tool} run build" if has_build else "")
        if at == root:
            break
    return (
        "built with npm install"
        + (", npm run build" if has_build else "")
        + " (no lock file: not reproducible)"
    )


def _workspaces(manifest: dict[str, Any], folder: Path, root: Path) -> list[str]:
    """Return the members of a workspace that can be started."""
    patterns = manifest.get("workspaces")
    patterns = patterns.get("packages") if isinstance(patterns, dict) else patterns
    if not isinstance(patterns, list):
        patterns = ["packages/*", "apps/*"] if (folder / "pnpm-workspace.yaml").is_file() else []
    found = []
    for pattern in patterns:
        if (
            isinstance(pattern, str)
            and ".." not in pattern
            and not pattern.startswith("/")
            and pattern.strip("./")
        ):
            for path in sorted(folder.glob(pattern.removeprefix("./")))[:50]:
                text = _text(path / "package.json", root)
                try:
                    member = json.loads(text or "null")
                except (ValueError, RecursionError):
                    continue
                if isinstance(member, dict) and _node_words(member)[0]:
                    found.append(str(path.relative_to(folder)))
    return found[:10]


def _by_pyproject(folder: Path, root: Path) -> Recognised | None:
    text = _text(folder / "pyproject.toml", root)
    if text is None:
        return None
    try:
        project = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        return Recognised(None, "pyproject.toml is not TOML")
    own, scripts = _python_scripts(project)
    if not scripts:
        return Recognised(None, "pyproject.toml has no project.scripts")
    name = own if own in scripts else scripts[0]
    if (folder / "uv.lock").is_file() or "uv" in (project.get("tool") or {}):
        return Recognised(
            {"command": "uv", "args": ["run", name]}, "project.scripts of pyproject.toml, built with uv sync"
        )
    if (folder / "poetry.lock").is_file() or "poetry" in (project.get("tool") or {}):
        rule: Launch = {"command": "poetry", "args": ["run", name]}
        return Recognised(rule, "the scripts of pyproject.toml, built with poetry install")
    return Recognised(
        {"command": name, "args": []}, "project.scripts of pyproject.toml, built with pip install ."
    )


def _python_scripts(project: dict[str, Any]) -> tuple[str, list[str]]:
    places = [project.get("project"), (project.get("tool") or {}).get("poetry")]
    for place in places:
        if isinstance(place, dict) and isinstance(place.get("scripts"), dict) and place["scripts"]:
            return str(place.get("name", "")), [str(name) for name in place["scripts"]]
    return "", []


def _by_requirements(folder: Path, root: Path) -> Recognised | None:
    if not (folder / "requirements.txt").is_file():
        return None
    for name in ("server.py", "main.py", "app.py", "mcp_server.py"):
        if _text(folder / name, root) is not None:
            rule: Launch = {"command": "python", "args": [name]}
            return Recognised(rule, f"{name} beside a requirements.txt, built with pip install -r")
    return Recognised(None, "requirements.txt says what is installed and nothing what is started")


def _text(path: Path, root: Path) -> str | None:
    try:
        if not path.is_file() or not path.resolve().is_relative_to(root.resolve()):
            return None
        return path.read_text(encoding="utf-8") if path.stat().st_size <= _MAX_BYTES else None
    except (OSError, UnicodeDecodeError):
        return None

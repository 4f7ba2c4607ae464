"""Node projects: what is installed where, and in which order workspaces are built (runs nothing)."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mooring_local import plans

Document = dict[str, Any]
Tool = Literal["npm", "pnpm", "yarn", "berry"]

_LOCKS: tuple[tuple[str, Tool], ...] = (
    ("pnpm-lock.yaml", "pnpm"),
    ("yarn.lock", "yarn"),
    ("package-lock.json", "npm"),
    ("npm-shrinkwrap.json", "npm"),
)
_PACKAGE_MANAGER = re.compile(r"(npm|pnpm|yarn)@(\d+\.\d+\.\d+[\w.-]*)")
_PNPM_OF_LOCK = {
    "5": "7",
    "6": "8",
    "9": "9",
}  # the first that writes that form; runs scripts of dependencies
_NEWEST_PNPM_LOCK = "9"
_CLASSIC, _BERRY = "1.22.22", "4"
_MAX_MEMBERS = 500
# That run by themselves when a project is installed, and may need what is only there for development.
_ON_INSTALL = ("preinstall", "install", "postinstall", "prepublish", "prepare")


@dataclass(frozen=True)
class Project:
    folder: Path
    """Where the server is."""
    root: Path
    """Where it is installed: the folder with the lock, or the top of the workspace."""
    tool: Tool
    version: str
    """Of the tool, as npx takes it; empty for npm."""
    lock: Path | None
    manifest: Document

    @property
    def scripts(self) -> dict[str, str]:
        return scripts(self.manifest)

    @property
    def is_workspace(self) -> bool:
        return self.root != self.folder or bool(members(self.root))

    @property
    def is_bare(self) -> bool:
        """There is nothing to install."""
        if (
            self.is_workspace
            or dependencies(self.manifest)
            or dependencies(self.manifest, "peerDependencies")
        ):
            return False
        return not set(_ON_INSTALL) & set(self.scripts)

    @property
    def needs_development(self) -> bool:
        """Something is built, so that what is only there for development is installed first."""
        building = {"build", *_ON_INSTALL}
        manifests = [self.manifest, manifest(self.root, self.root) or {}]
        building = {"build", *_ON_INSTALL}
        return self.is_workspace or any(building & set(scripts(one)) for one in manifests)


def found(folder: Path, top: Path) -> Project | None:
    """Return the project in `folder`, within `top`; None when there is no package.json."""
    own = manifest(folder, top)
    if own is None:
        return None
    places = [at for at in (folder, *folder.parents) if at == top or at.is_relative_to(top)]
    for at in places:
        for name, tool in _LOCKS:
            if (at / name).is_file() and (at == folder or (at / "package.json").is_file()):
                tool, version = _version(tool, at, top)
                return Project(folder, at, tool, version, at / name, own)
    root = next((at for at in places if at != folder and folder in members(at)), folder)
    tool, version = _version("pnpm" if (root / "pnpm-workspace.yaml").is_file() else "npm", root, top)
    return Project(folder, root, tool, version, None, own)


def _version(tool: Tool, root: Path, top: Path) -> tuple[Tool, str]:
    wanted = _PACKAGE_MANAGER.match(str((manifest(root, top) or {}).get("packageManager", "")))
    named = wanted[2] if wanted and wanted[1] == tool else ""
    if tool == "pnpm":
        text = plans.read(root / "pnpm-lock.yaml", top) or ""
        lock = re.search(r"^lockfileVersion:\s*['\"]?(\d+)", text[:500], re.MULTILINE)
        return tool, named or _PNPM_OF_LOCK.get(lock[1] if lock else "", _NEWEST_PNPM_LOCK)
    if tool == "yarn":
        text = plans.read(root / "yarn.lock", top) or ""
        if "__metadata:" in text or (named and not named.startswith(("0.", "1."))):
            return "berry", named if named.startswith("4.") else _BERRY
        return tool, named or _CLASSIC
    return tool, ""


def in_order(project: Project) -> list[Path]:
    """Return the folders to build: what the project needs of its workspace first, itself last."""
    by_name: dict[str, Path] = {}
    for path in members(project.root):
        about = manifest(path, project.root) or {}
        by_name[str(about.get("name"))] = path
    order: list[Path] = []
    seen: set[Path] = set()

    def visit(path: Path) -> None:
        if path in seen:
            return
        seen.add(path)
        for name in dependencies(manifest(path, project.root) or {}):
            if name in by_name:
                visit(by_name[name])
        order.append(path)

    visit(project.folder)
    return order


def members(root: Path) -> list[Path]:
    """Return the folders of the workspace whose top is `root`."""
    listed = (manifest(root, root) or {}).get("workspaces")
    patterns = listed.get("packages") if isinstance(listed, dict) else listed
    if not isinstance(patterns, list):
        patterns = list(_pnpm_patterns(root))
    found: list[Path] = []
    for pattern in patterns:
        if not isinstance(pattern, str) or pattern.startswith(("!", "/")) or ".." in pattern:
            continue
        inner = pattern.removeprefix("./").rstrip("/")
        found += [
            path
            for path in (sorted(root.glob(inner)) if inner else [])
            if (path / "package.json").is_file() and "node_modules" not in path.parts
        ]
        if len(found) > _MAX_MEMBERS:
            break
    return found[:_MAX_MEMBERS]


def _pnpm_patterns(root: Path) -> Iterator[str]:
    text = plans.read(root / "pnpm-workspace.yaml", root)
    inside = False
    for line in (text or "").splitlines():
        if line.startswith("packages:"):
            inside = True
        elif inside and re.match(r"\s*-\s", line):
            yield line.strip().removeprefix("-").split(" #")[0].strip().strip("'\"")
        elif line.strip() and not line.startswith((" ", "#")):
            inside = False


def manifest(folder: Path, top: Path) -> Document | None:
    """Return the package.json of `folder`; None when there is none that can be read."""
    text = plans.read(folder / "package.json", top)
    try:
        document = json.loads(text) if text is not None else None
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def scripts(manifest: Document) -> dict[str, str]:
    found = manifest.get("scripts")
    named = found.items() if isinstance(found, dict) else ()
    return {str(name): text for name, text in named if isinstance(text, str)}


def dependencies(manifest: Document, *kinds: str) -> dict[str, str]:
    """Return the names and versions of what a package.json depends on."""
    all_: dict[str, str] = {}
    for kind in kinds or ("dependencies", "devDependencies", "optionalDependencies"):
        found = manifest.get(kind)
        all_ |= {str(name): str(text) for name, text in (found if isinstance(found, dict) else {}).items()}
    return all_


def bins(manifest: Document) -> dict[str, str]:
    """Return the commands that a package has, and the files they are."""
    found = manifest.get("bin")
    if isinstance(found, str):
        return {str(manifest.get("name", "")).rpartition("/")[2]: found.removeprefix("./")}
    named = found.items() if isinstance(found, dict) else ()
    return {str(name): path.removeprefix("./") for name, path in named if isinstance(path, str)}


def default_bin(manifest: Document) -> str:
    """Return the file that npx starts; empty: it could not say which."""
    found = bins(manifest)
    own = str(manifest.get("name", "")).rpartition("/")[2]
    return found.get(own) or (next(iter(found.values())) if len(set(found.values())) == 1 else "")

"""Folders: copied as they are, started with a command of the publisher's."""

import os
import shutil
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from mooring.staging import Workspace
from mooring_local import runtimes, smithery_yaml
from mooring_local.packages import BuildFailed, Launch, Package, Progress
from mooring_local.smithery_yaml import InvalidSmitheryYaml, SmitheryYaml

MAX_FOLDER_BYTES = 250 * 1024 * 1024  # what a Lambda function may have unpacked; a server is rarely larger
_LEFT_OUT = frozenset({".git", "__pycache__"})
_NODE_COMMANDS = frozenset({"node", "npm", "npx"})
_GIVE_A_COMMAND = "Give the command that starts it: mooring add <folder> -- <command> <arguments>"


def install(
    source: Path, workspace: Workspace, runtimes_dir: Path, progress: Progress, command: Sequence[str]
) -> Package:
    """Copy `source` into the workspace; `command`, or else its `smithery.yaml`, says how to start it.

    Raises:
        BuildFailed
    """
    if not source.is_dir():
        raise BuildFailed(
            f"{source} is not a folder", "Give npm:<package>, pypi:<package>, or the path of a folder"
        )
    declared = _declared(source, progress if command else None)
    launch = _launch(declared, command)
    if _needs_node(launch):
        runtimes.node(runtimes_dir, progress)
    progress(f"Copying {source}")
    copy(source, workspace.path)
    return Package(
        name=source.resolve().name,
        launch=launch,
        runtime="",
        config_schema=declared.config_schema or {},
        example_config=declared.example_config,
    )


def _declared(source: Path, warn: Progress | None) -> SmitheryYaml:
    """Read the folder's `smithery.yaml`. A broken one is reported to `warn` where it can be done without."""
    for path in (source / "smithery.yaml", source / "smithery.yml"):
        if path.is_file():
            try:
                return smithery_yaml.parse(path.read_text(encoding="utf-8", errors="replace"))
            except InvalidSmitheryYaml as error:
                if warn is None:
                    raise BuildFailed(str(error), f"Correct it. Or: {_GIVE_A_COMMAND}") from error
                warn(f"Going on without {path.name}: {error}")
                break
    return SmitheryYaml("invalid", obstacle=f"{source} has no smithery.yaml")


def _launch(declared: SmitheryYaml, command: Sequence[str]) -> Launch:
    if command:
        return {"command": command[0], "args": list(command[1:]), "cwd": "${bundle}"}
    if declared.launch is None or declared.kind != "stdio":
        other = f"smithery.yaml describes a server of kind {declared.kind}; a folder's must be stdio"
        raise BuildFailed(declared.obstacle or other, _GIVE_A_COMMAND)
    return {**declared.launch, "cwd": "${bundle}"}


def _needs_node(launch: Launch) -> bool:
    """Say whether the command is one of Node's; of a function, whether it names one."""
    if "commandFunction" in launch:
        return any(
            f"{quote}{name}{quote}" in launch["commandFunction"]
            for name in _NODE_COMMANDS
            for quote in "'\"`"
        )
    return launch["command"] in _NODE_COMMANDS


def copy(source: Path, target: Path) -> None:
    """Copy a folder without its git history, its caches, and `target` with whatever lies beside it.

    Raises:
        BuildFailed: it is too large, or holds a link that leads out of it, or something that is no file.
    """
    copied_bytes = 0
    for path in _content(source, target.resolve().parent):
        destination = target / path.relative_to(source)
        status = path.lstat()
        if stat.S_ISLNK(status.st_mode):
            _check_link(path, source)
            destination.symlink_to(path.readlink())
        elif stat.S_ISDIR(status.st_mode):
            destination.mkdir()
        elif stat.S_ISREG(status.st_mode):
            copied_bytes += status.st_size
            if copied_bytes > MAX_FOLDER_BYTES:
                raise BuildFailed(
                    f"{source} has more than {MAX_FOLDER_BYTES // 1024**2} MB",
                    "Leave out what it does not run",
                )
            shutil.copy(path, destination)
        else:
            raise BuildFailed(f"{path} is neither a file nor a folder", "Remove it from the folder")


def _content(source: Path, bundles_dir: Path) -> Iterator[Path]:
    """Yield what is below `source`, parents first; neither the bundles nor a folder that holds them."""
    for folder, folder_names, file_names in os.walk(source):
        folder_names[:] = [
            name
            for name in folder_names
            if name not in _LEFT_OUT and not bundles_dir.is_relative_to(Path(folder, name).resolve())
        ]
        yield from (Path(folder, name) for name in (*folder_names, *file_names))


def _check_link(link: Path, root: Path) -> None:
    target = link.readlink()
    if target.is_absolute() or not (link.parent / target).resolve().is_relative_to(root.resolve()):
        raise BuildFailed(
            f"{link} leads out of the folder", "Replace the link by what it points to, or remove it"
        )

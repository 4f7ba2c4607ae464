"""What a source is: a folder, a file, a repository or the name of a package; and its plan."""

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mooring_local import mcpb, plans, published, repositories, server_json_plans
from mooring_local.plans import NoPlan, Plan
from mooring_local.repositories import CannotFetch

_SERVER_JSON = "server.json"


def plan(
    source: str,
    config: Mapping[str, Any] | None = None,
    *,
    ref: str = "",
    folder: str = "",
    allow_file: bool = False,
) -> Plan:
    """Plan `source`; `ref` and `folder` say what of a repository, `allow_file` is for tests.

    Raises:
        NoPlan: the source cannot be had.
    """
    kind, separator, spec = source.partition(":")
    if separator and kind == "npm":
        return published.npm(spec)
    if separator and kind == "pypi":
        return published.pypi(spec)
    path = Path(source)
    if path.is_dir():
        return _folder(path, folder, config)
    if path.is_file():
        return _file(path, config)
    if repositories.is_address(source):
        return _repository(source, ref, folder, config, allow_file)
    raise NoPlan(
        f"{source} is no folder and no file",
        "Give a folder, a smithery.yaml, a server.json, a .mcpb bundle, the https address of a git"
        " repository, npm:<package> or pypi:<package>",
    )


def _folder(path: Path, inner: str, config: Mapping[str, Any] | None) -> Plan:
    path = path.resolve()
    root = next((at for at in (path, *path.parents) if (at / ".git").exists()), path)
    wanted = path / inner
    if not wanted.is_dir() or not wanted.resolve().is_relative_to(path):
        raise NoPlan(f"{path} has no folder {inner}")
    return _in(wanted, root, config)


def _in(folder: Path, root: Path, config: Mapping[str, Any] | None) -> Plan:
    plan = plans.of_folder(folder, root, config)
    text = plans.read(folder / _SERVER_JSON, root)
    if plan.kind == "invalid" and text is not None and "there is no smithery.yaml" in (plan.reason or ""):
        return _described(text, config)
    return plan


def _file(path: Path, config: Mapping[str, Any] | None) -> Plan:
    if path.suffix in (".mcpb", ".dxt"):
        return mcpb.plan(path, config)
    text = plans.read(path, path.resolve().parent)
    if text is None:
        raise NoPlan(f"{path} is no file of at most {plans.MAX_FILE_BYTES} bytes")
    if path.suffix == ".json":
        return _described(text, config)
    if path.suffix not in (".yaml", ".yml"):
        raise NoPlan(f"{path} is neither a smithery.yaml, a server.json nor a .mcpb bundle")
    if path.stem == "smithery" and (path.parent / "Dockerfile").exists():
        return _folder(path.parent, "", config)
    return plans.of_text(text, config)


def _described(text: str, config: Mapping[str, Any] | None) -> Plan:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return Plan("invalid", reason="server.json is not JSON")
    if not isinstance(document, dict):
        return Plan("invalid", reason="server.json is not an object")
    if "mcp_config" in json.dumps(document.get("server")):
        return mcpb.of_manifest(document, config)
    return server_json_plans.plan(document, config)


def _repository(
    source: str, ref: str, folder: str, config: Mapping[str, Any] | None, allow_file: bool
) -> Plan:
    try:
        address = repositories.address(source, ref, folder)
        with tempfile.TemporaryDirectory(prefix="mooring-plan-") as place:
            wanted = repositories.fetch(address, Path(place), allow_file=allow_file)
            return _in(wanted, Path(place) / "tree", config)
    except CannotFetch as error:
        raise NoPlan(
            str(error), "Give the https address of a public repository, and --ref and --folder"
        ) from error

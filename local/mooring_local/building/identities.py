"""What makes two builds the same, found out without building: for a cache of what was built."""

import hashlib
import json
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mooring_local import repositories
from mooring_local.building import documents, origins
from mooring_local.building.origins import Document, Git, Registry, Upload
from mooring_local.repositories import CannotFetch

RECIPE = 1
"""Counts the changes of how a bundle is made; what was built in another way is built again."""

_SECONDS = 60.0
_EXACT_NPM = re.compile(r"(@?[^@]+)@(\d+\.\d+\.\d+[\w.+-]*)")
_EXACT_PYPI = re.compile(r"[^=<>!~]+==[^*,=<>!~]+")


def identity(source: Mapping[str, Any], file: Path | None, *, allow_file: bool = False) -> str | None:
    """Return what of `source` decides on its bundle, on this machine; None: it cannot be known.

    The commit of a repository, the name and version of a package, the digest of an upload. What a package
    depends on is not part of it. `allow_file` is for tests.

    Raises:
        BuildFailed: it is no source document.
    """
    found = _of(origins.read(source), file, allow_file)
    where = f"{platform.system()}-{platform.machine()}-{sys.implementation.cache_tag}".lower()
    return None if found is None else f"{found} recipe={RECIPE} on={where}"


def _of(source: Git | Registry | Upload | Document, file: Path | None, allow_file: bool) -> str | None:
    if isinstance(source, Git):
        try:
            commit = repositories.commit(source.address, allow_file=allow_file)
        except CannotFetch:
            return None
        return f"git:{source.address.url}@{commit}#{source.address.folder}" if commit else None
    if isinstance(source, Registry):
        resolved = _resolved(source.name, source.spec)
        return f"{source.name}:{resolved}" if resolved else None
    if isinstance(source, Upload):
        return f"upload:{sha256(file) if file else source.sha256}#{source.folder}"
    described = documents.read(source.content)
    resolved = _resolved(described.registry, described.spec)
    text = json.dumps(source.content, sort_keys=True, separators=(",", ":"))
    return f"server.json:{hashlib.sha256(text.encode()).hexdigest()}@{resolved}" if resolved else None


def sha256(file: Path) -> str:
    """Return the SHA-256 of a file in hex digits."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _resolved(registry: str, spec: str) -> str | None:
    """Return `name@version` or `name==version` of what would be installed now."""
    exact = _EXACT_NPM if registry == "npm" else _EXACT_PYPI
    if exact.fullmatch(spec):
        return spec
    return _npm(spec) if registry == "npm" else _pypi(spec)


def _npm(spec: str) -> str | None:
    program = shutil.which("npm")
    command = [program or "npm", "view", "--json", "--loglevel=error", "--", spec, "name", "version"]
    answer = _asked(command) if program else None
    answer = answer[-1] if isinstance(answer, list) and answer else answer
    return (
        f"{answer['name']}@{answer['version']}" if isinstance(answer, dict) and "version" in answer else None
    )


def _pypi(spec: str) -> str | None:
    options = ["--dry-run", "--no-deps", "--ignore-installed", "--quiet", "--no-input", "--only-binary=:all:"]
    options += ["--disable-pip-version-check", "--report", "-"]
    answer = _asked([sys.executable, "-m", "pip", "install", *options, "--", spec])
    installs = answer.get("install") if isinstance(answer, dict) else None
    if not installs:
        return None
    about = installs[0]["metadata"]
    extras = spec[spec.find("[") : spec.find("]") + 1] if "[" in spec else ""
    return f"{about['name']}{extras}=={about['version']}"


def _asked(command: list[str]) -> Any:
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
        return json.loads(done.stdout) if done.returncode == 0 else None
    except (subprocess.TimeoutExpired, OSError, ValueError):
        return None

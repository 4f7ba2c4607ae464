"""How the layers are built: `sam build` runs the same Makefiles."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.compiled import compiled_modules, is_of_lambda

ROOT = Path(__file__).parents[2]
MAKEFILES = [ROOT / "shared" / "Makefile", *sorted((ROOT / "layers").glob("*/Makefile"))]
IS_313 = "import sys; sys.exit(sys.version_info[:2] != (3, 13))"


def build(folder: Path, **variables: object) -> str:
    """Build the layer of the package `mooring` into `folder`; return what the build said."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    given = [f"{name}={value}" for name, value in {"ARTIFACTS_DIR": folder, **variables}.items()]
    command = ["make", "-s", "-C", str(ROOT / "shared"), "build-SharedLayer", *given]
    return subprocess.run(
        command, env=environ, capture_output=True, text=True, check=True, timeout=120
    ).stdout


def python_of(folder: Path, program: str) -> Path:
    """Make a program that stands where a Python would."""
    path = folder / "python"
    path.write_text(f"#!/bin/sh\n{program}\n")
    path.chmod(0o755)
    return path


def python_313() -> str:
    root = subprocess.run(
        ["sh", "-c", "pyenv root"], capture_output=True, text=True, check=False
    ).stdout.strip()
    places = Path(root, "versions").glob("3.13.*/bin/python") if root else []
    for python in (sys.executable, shutil.which("python3.13"), *map(str, places)):
        if (
            python
            and subprocess.run([python, "-c", IS_313], capture_output=True, check=False).returncode == 0
        ):
            return python
    pytest.skip("no Python 3.13 on this machine")


def test_modules_are_compiled_for_lambda_and_nothing_looks_at_their_source(tmp_path: Path) -> None:
    said = build(tmp_path, PYTHON=python_313())
    compiled = compiled_modules(tmp_path)
    assert len(compiled) == len(list(tmp_path.rglob("*.py")))
    assert all(map(is_of_lambda, compiled))
    assert "No Python 3.13" not in said
    assert b"/opt/python/mooring/errors.py" in next(tmp_path.rglob("errors.cpython-313.pyc")).read_bytes()


def test_without_a_python_of_lambda_s_version_there_are_none_and_the_build_says_so(tmp_path: Path) -> None:
    other = python_of(tmp_path, "exit 1")
    assert "No Python 3.13 here" in build(tmp_path / "layer", PYTHON=other, LAYER_FOR="here")
    assert compiled_modules(tmp_path) == []


def test_whatever_python_runs_the_build_none_of_another_version_is_in_the_layer(tmp_path: Path) -> None:
    build(tmp_path, PYTHON=sys.executable)
    assert [path for path in compiled_modules(tmp_path) if not is_of_lambda(path)] == []


def test_every_layer_is_compiled_in_the_same_way() -> None:
    """`sam build` gives each Makefile a copy of its own folder, so none can include another."""
    blocks = {
        re.findall(r"^# Lambda cannot keep.*?^endef$", path.read_text(), re.S | re.M)[0] for path in MAKEFILES
    }
    assert len(MAKEFILES) == 3
    assert len(blocks) == 1
    assert [path for path in MAKEFILES if "\n\t$(COMPILE)\n" not in path.read_text()] == []

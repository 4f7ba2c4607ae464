"""Python projects, installed from PyPI, and started without a network."""

from pathlib import Path

import pytest

from mooring_local.building import python_projects
from mooring_local.packages import BuildFailed
from tests.unit.building.making import PYTHON, Files, Maker, write

PYPROJECT = """\
[project]
name = "weather-py"
version = "1.2.3"
description = "Says the weather"
requires-python = ">=3.9"
dependencies = ["nothing-of-that-name; python_version < '3'", "iniconfig>=1"]
[project.scripts]
weather-py = "weather:main"
[build-system]
requires = ["flit_core>=3"]
build-backend = "flit_core.buildapi"
[tool.flit.module]
name = "weather"
"""
MODULE = (
    '"""Says the weather."""\n'
    + PYTHON % "from importlib.metadata import version; said = version('iniconfig')"
)
LOCK = """\
version = 1
[[package]]
name = "iniconfig"
version = "1.1.1"
source = { registry = "here" }
[[package]]
name = "weather-py"
version = "1.2.3"
source = { editable = "." }
[[package]]
name = "twice"
version = "1"
[[package]]
name = "twice"
version = "2"
"""
PROJECT: Files = {"pyproject.toml": PYPROJECT, "weather.py": MODULE, "uv.lock": LOCK}
CHOOSE = "(config) => (config.start || 'uv run weather-py').split(' ')"


@pytest.mark.integration
def test_a_project_is_installed_at_the_versions_of_its_lock_and_the_same_twice(make: Maker) -> None:
    yaml = {"startCommand": {"type": "stdio", "commandFunction": CHOOSE}}
    files: Files = {**PROJECT, "smithery.yaml": yaml, "inner/x": ""}
    first, second = make.folder(files), make.folder(files)

    assert first.digest == second.digest
    assert (first.package.name, first.package.version, first.package.runtime) == (
        "weather-py",
        "1.2.3",
        "python",
    )
    for start in (
        "uv run weather-py --fast",
        "uv run --with iniconfig weather-py --fast",
        "uv --directory inner run weather-py --fast",
        "uv run -m weather --fast",
        "uv run python -m weather --fast",
        "uv run weather.py --fast",
        "uvx weather-py --fast",
        "uvx --from weather-py==1.2.3 weather-py --fast",
        "uv tool run weather_py --fast",
        "poetry run weather-py --fast",
        "pipx run weather-py --fast",
        "weather-py --fast",
        "python weather.py --fast",
        "python -m weather --fast",
    ):
        answer = first.answer({"start": start})
        assert (answer["said"], answer["args"]) == ("1.1.1", ["--fast"]), start
    here = str(first.home)
    named = [path for path in first.names() if here.encode() in (first.path / path).read_bytes()]
    assert named == []
    assert not [name for name in first.names() if name.endswith("direct_url.json")]


@pytest.mark.integration
def test_what_only_lists_its_requirements_is_started_with_them(make: Maker) -> None:
    built = make.folder({"requirements.txt": "iniconfig==1.1.1\n", "server.py": MODULE})

    assert built.answer()["said"] == "1.1.1"
    assert built.package.launch == {
        "command": "python",
        "args": ["server.py"],
        "env": {"PYTHONPATH": "${bundle}/.mooring/python"},
        "cwd": "${bundle}",
        "path": ["${bundle}/.mooring/bin"],
    }


@pytest.mark.integration
def test_what_uvx_would_fetch_is_in_the_bundle(make: Maker) -> None:
    yaml = {"startCommand": {"type": "stdio", "command": "uvx --from pyjokes==0.8.3 pyjoke --help"}}
    built = make.folder({"smithery.yaml": yaml})

    assert "usage" in built.run().stdout.lower()


@pytest.mark.integration
def test_a_script_brings_what_its_first_comment_asks_for(make: Maker) -> None:
    inline = '# /// script\n# dependencies = ["iniconfig==1.1.1"]\n# ///\n'
    yaml = {"startCommand": {"type": "stdio", "command": "uv run server.py"}}

    assert make.folder({"smithery.yaml": yaml, "server.py": inline + MODULE}).answer()["said"] == "1.1.1"


def test_a_project_that_needs_another_python_is_refused(make: Maker) -> None:
    files = {"pyproject.toml": PYPROJECT.replace(">=3.9", ">=3.99"), "weather.py": MODULE}
    with pytest.raises(BuildFailed) as failed:
        make.folder(files)

    assert "needs Python >=3.99" in failed.value.cause


@pytest.mark.parametrize(
    ("lock", "text", "pins"),
    [
        ("uv.lock", LOCK, ("iniconfig==1.1.1",)),
        (
            "poetry.lock",
            '[[package]]\nname = "a"\nversion = "1"\n[[package]]\nname = "b"\nversion = "2"\n'
            '[package.source]\ntype = "git"\n',
            ("a==1",),
        ),
        ("Pipfile.lock", '{"default": {"a": {"version": "==1"}, "b": {}}}', ("a==1",)),
    ],
)
def test_a_lock_file_is_read_as_constraints(
    tmp_path: Path, lock: str, text: str, pins: tuple[str, ...]
) -> None:
    write(tmp_path, {"pyproject.toml": PYPROJECT, lock: text})

    project = python_projects.found(tmp_path, tmp_path)

    assert project
    assert (project.constraints, project.lock) == (pins, lock)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("^1.2.3", ">=1.2.3,<2"),
        ("^0.2.3", ">=0.2.3,<0.3"),
        ("^0.0.3", ">=0.0.3,<0.0.4"),
        ("~1.2", ">=1.2,<1.3"),
        ("1.2", "==1.2"),
        (">=1,<3", ">=1,<3"),
        ("*", ""),
    ],
)
def test_versions_of_poetry_are_written_as_pip_has_them(tmp_path: Path, said: str, meant: str) -> None:
    text = '[tool.poetry]\nname = "x"\npackage-mode = false\n[tool.poetry.dependencies]\npython = "^3.9"\n'
    text += f'a = "{said}"\n'
    write(tmp_path, {"pyproject.toml": text})

    project = python_projects.found(tmp_path, tmp_path)

    assert project
    assert (project.requirements, project.is_package) == ((f"a{meant}",), False)


def test_a_dependency_that_leads_out_of_the_repository_is_refused(tmp_path: Path) -> None:
    text = PYPROJECT + '[tool.uv.sources]\niniconfig = { path = "../other" }\n'
    write(tmp_path / "top", {"pyproject.toml": text})

    with pytest.raises(BuildFailed) as failed:
        python_projects.found(tmp_path / "top", tmp_path / "top")

    assert "../other" in failed.value.cause

"""Repositories without a smithery.yaml."""

import json
from pathlib import Path
from typing import Any

import pytest

from mooring_local import plans, recognition, smithery_file
from mooring_local.plans import NoPlan

PROJECT = '[project]\nname = "weather"\n[project.scripts]\nother = "a:b"\nweather = "weather:main"\n'


def package(**fields: Any) -> str:
    return json.dumps({"name": "@acme/weather", **fields})


@pytest.mark.parametrize(
    ("files", "kind", "words", "named"),
    [
        ({"Dockerfile": 'FROM x\nCMD ["node", "a.js"]'}, "stdio", ["node", "a.js"], "Dockerfile"),
        ({"Dockerfile": "FROM x\nCMD node a.js"}, "stdio", ["/bin/sh", "-c", "node a.js"], "Dockerfile"),
        (
            {"Dockerfile": 'FROM x\nENTRYPOINT ["uv", "run"]\n# no\nEXPOSE 8080\nCMD ["app.py"]'},
            "container-http",
            ["uv", "run", "app.py"],
            "Dockerfile",
        ),
        (
            {"package.json": package(bin="./cli.js"), "package-lock.json": ""},
            "stdio",
            ["node", "cli.js"],
            "npm ci",
        ),
        (
            {
                "package.json": package(bin={"a": "a.js", "weather": "w.js"}, scripts={"build": "x"}),
                "pnpm-lock.yaml": "",
            },
            "stdio",
            ["node", "w.js"],
            "pnpm run build",
        ),
        (
            {"package.json": package(scripts={"start": "node 'my server.js'"}), "yarn.lock": ""},
            "stdio",
            ["node", "my server.js"],
            "yarn install",
        ),
        (
            {"package.json": package(scripts={"start": "A=1 node x && echo"})},
            "stdio",
            ["npm", "run", "--silent", "start"],
            "no lock file",
        ),
        (
            {"package.json": package(mcp={"command": "node", "args": ["m.js"]}, bin="c.js")},
            "stdio",
            ["node", "m.js"],
            "mcp of package.json",
        ),
        ({"pyproject.toml": PROJECT, "uv.lock": ""}, "stdio", ["uv", "run", "weather"], "uv sync"),
        ({"pyproject.toml": PROJECT, "poetry.lock": ""}, "stdio", ["poetry", "run", "weather"], "poetry"),
        ({"pyproject.toml": PROJECT}, "stdio", ["weather"], "pip install"),
        (
            {"pyproject.toml": '[tool.poetry]\nname = "w"\n[tool.poetry.scripts]\nw = "w:main"'},
            "stdio",
            ["poetry", "run", "w"],
            "poetry",
        ),
        ({"requirements.txt": "", "server.py": ""}, "stdio", ["python", "server.py"], "pip install"),
    ],
)
def test_a_repository_is_recognised(
    tmp_path: Path, files: dict[str, str], kind: str, words: list[str], named: str
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)

    found = recognition.recognise(tmp_path, tmp_path)

    assert found.rule
    assert (found.kind, [found.rule["command"], *found.rule["args"]]) == (kind, words)
    assert named in found.reason


@pytest.mark.parametrize(
    ("files", "named"),
    [
        ({}, "add a smithery.yaml"),
        ({"Dockerfile": "FROM x"}, "neither CMD nor ENTRYPOINT"),
        ({"package.json": "{"}, "not JSON"),
        ({"package.json": "[" * 100_000}, "not JSON"),
        ({"package.json": "[]"}, "not an object"),
        ({"package.json": package()}, "neither bin nor scripts.start"),
        ({"pyproject.toml": "["}, "not TOML"),
        ({"pyproject.toml": "[project]\nname = 'x'"}, "no project.scripts"),
        ({"requirements.txt": ""}, "nothing what is started"),
        ({"package.json": "x" * (1 << 21)}, "add a smithery.yaml"),
    ],
)
def test_what_is_not_recognised_says_what_to_add(tmp_path: Path, files: dict[str, str], named: str) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)

    found = recognition.recognise(tmp_path, tmp_path)

    assert found.rule is None
    assert named in found.reason


def test_members_of_a_workspace_are_named_and_use_its_lock(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text(package(workspaces=["servers/*", "../out", "/etc"]))
    (tmp_path / "package-lock.json").write_text("")
    (tmp_path / "servers" / "a").mkdir(parents=True)
    (tmp_path / "servers" / "a" / "package.json").write_text(package(bin="a.js"))

    assert "servers/a" in recognition.recognise(tmp_path, tmp_path).reason
    assert "npm ci" in recognition.recognise(tmp_path / "servers" / "a", tmp_path).reason


@pytest.mark.parametrize(
    "files", [{"package.json": package(bin="c.js")}, {"Dockerfile": 'FROM x\nEXPOSE 1\nCMD ["a"]'}]
)
def test_what_init_writes_says_the_same_as_what_was_found(tmp_path: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    before = plans.of_folder(tmp_path, tmp_path)

    text, _ = smithery_file.written(tmp_path)
    (tmp_path / "smithery.yaml").write_text(text)

    after = plans.of_folder(tmp_path, tmp_path)
    assert (after.kind, after.launch) == (before.kind, before.launch)


def test_init_writes_nothing_about_what_it_does_not_recognise(tmp_path: Path) -> None:
    with pytest.raises(NoPlan):
        smithery_file.written(tmp_path)


def test_of_an_image_it_is_said_what_is_made_of_the_folder_instead(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text('FROM x\nEXPOSE 8080\nCMD ["node", "a.js"]')
    alone = recognition.recognise(tmp_path, tmp_path)
    assert alone.kind == "container-http"
    assert "builds no images" in alone.reason
    (tmp_path / "package.json").write_text(package(bin="c.js"))
    beside = recognition.recognise(tmp_path, tmp_path)
    assert beside.rule == alone.rule
    assert "makes a bundle instead: bin of package.json" in beside.reason

"""Node projects, installed from npm, built, and started without a network."""

import json
from typing import Any

import pytest

from mooring_local.packages import BuildFailed
from tests.unit.building.making import NODE, Files, Maker

MANIFEST: dict[str, Any] = {
    "name": "weather",
    "version": "1.2.3",
    "bin": {"weather": "dist/index.js"},
    "scripts": {"build": "node build.js"},
    "dependencies": {"ms": "2.1.3"},
    "devDependencies": {"is-number": "7.0.0"},
}
# What TypeScript would be here: a build that needs a devDependency.
BUILD = f"""\
require('is-number');
require('fs').mkdirSync('dist', {{ recursive: true }});
require('fs').writeFileSync('dist/index.js', {json.dumps(NODE % "require('ms')(60000)")});
"""
LOCK: dict[str, Any] = {
    "name": "weather",
    "version": "1.2.3",
    "lockfileVersion": 3,
    "packages": {
        "": {
            "name": "weather",
            "version": "1.2.3",
            "bin": {"weather": "dist/index.js"},
            "dependencies": {"ms": "2.1.3"},
            "devDependencies": {"is-number": "7.0.0"},
        },
        "node_modules/ms": {"version": "2.1.3"},
        "node_modules/is-number": {"version": "7.0.0", "dev": True},
    },
}
PROJECT: Files = {"package.json": MANIFEST, "build.js": BUILD}


@pytest.mark.integration
def test_a_project_is_installed_by_its_lock_built_and_pruned_and_the_same_twice(make: Maker) -> None:
    files: Files = {**PROJECT, "package-lock.json": LOCK}
    first, second = make.folder(files), make.folder(files)

    assert first.digest == second.digest
    assert first.answer()["said"] == "1m"
    assert "node_modules/ms/package.json" in first.names()
    assert not any("is-number" in name or ".package-lock" in name for name in first.names())
    assert (first.package.name, first.package.version, first.package.runtime) == ("weather", "1.2.3", "node")
    assert "npm ci" in first.package.reason


@pytest.mark.integration
def test_a_lock_that_is_not_in_step_is_told_and_not_held_to(make: Maker) -> None:
    stale = {**LOCK, "packages": {"": {"name": "weather"}}}
    built = make.folder({**PROJECT, "package-lock.json": stale})

    assert built.answer()["said"] == "1m"
    assert any("not in step" in line for line in built.lines)


@pytest.mark.integration
@pytest.mark.parametrize(
    ("lock", "content"),
    [
        ("pnpm-lock.yaml", "lockfileVersion: '9.0'\n"),
        ("yarn.lock", "# yarn lockfile v1\n"),
        ("yarn.lock", "__metadata:\n  version: 8\n"),
    ],
    ids=["pnpm", "yarn classic", "yarn berry"],
)
def test_pnpm_and_yarn_leave_modules_that_work_by_themselves(make: Maker, lock: str, content: str) -> None:
    built = make.folder({**PROJECT, lock: content})

    assert built.answer()["said"] == "1m"
    assert not any("is-number" in name for name in built.names())


@pytest.mark.integration
def test_a_member_of_a_workspace_is_installed_at_its_top_and_what_it_needs_is_built_first(
    make: Maker,
) -> None:
    library = {
        "name": "@acme/lib",
        "version": "1.0.0",
        "main": "out.js",
        "scripts": {"build": "node -e \"require('fs').writeFileSync('out.js', 'module.exports = 7')\""},
    }
    member = {
        "name": "@acme/server",
        "version": "2.0.0",
        "bin": "index.js",
        "dependencies": {"@acme/lib": "*"},
    }
    files: Files = {
        "package.json": {"private": True, "workspaces": ["packages/*"]},
        "packages/server/package.json": member,
        "packages/server/index.js": NODE % "require('@acme/lib')",
        "packages/lib/package.json": library,
    }

    built = make.folder(files, "packages/server")

    assert built.answer()["said"] == 7
    assert built.package.launch["cwd"] == "${bundle}/packages/server"


@pytest.mark.integration
def test_what_npx_would_fetch_is_in_the_bundle(make: Maker) -> None:
    """The folder itself is not built: its build would fail."""
    function = "(config) => ({ command: 'npx', args: ['-y', 'semver@7.7.2', config.version] })"
    schema = "{type: object, properties: {version: {type: string, default: 1.2.3}}}"
    text = f'startCommand: {{type: stdio, commandFunction: "{function}", configSchema: {schema}}}'

    built = make.folder(
        {"smithery.yaml": text, "package.json": {"name": "wrapper", "scripts": {"build": "false"}}}
    )

    assert built.run().stdout == "1.2.3\n"
    assert built.package.launch["commandFunction"] == function
    lacking = built.run({"version": "-h"})
    assert lacking.returncode == 0


def test_scripts_and_the_package_itself_are_started_without_npm(make: Maker) -> None:
    scripts = {
        "start": "npm run build && node server.js",
        "build": "node -e 0",
        "other": "node server.js 'a b' '$HOME'",
    }
    manifest = {"name": "@acme/weather", "version": "1.0.0", "bin": "server.js", "scripts": scripts}
    function = "(config) => (config.start || 'node server.js').split(' ')"
    built = make.folder(
        {
            "package.json": manifest,
            "server.js": NODE % "process.env.npm_lifecycle_event || null",
            "inner/x": "",
            "smithery.yaml": {"startCommand": {"type": "stdio", "commandFunction": function}},
        }
    )

    for start, script, args in [
        ("npm start", "start", []),
        ("npm run --silent start -- --fast", "start", ["--fast"]),
        ("npm --prefix inner start", "start", []),
        ("yarn start --fast", "start", ["--fast"]),
        ("yarn", "start", []),
        ("pnpm run start", "start", []),
        ("npm run other", "other", ["a b", "$HOME"]),
        ("npx @acme/weather --fast", None, ["--fast"]),
        ("npx -y @acme/weather@latest", None, []),
        ("npx --package=@acme/weather weather", None, []),
        ("bunx weather", None, []),
        ("npm exec weather", None, []),
        ("pnpm dlx @acme/weather", None, []),
        ("weather --fast", None, ["--fast"]),
    ]:
        answer = built.answer({"start": start})
        assert (answer["said"], answer["args"]) == (script, args), start


def test_a_runner_that_is_asked_for_what_is_not_there_says_so(make: Maker) -> None:
    function = "(config) => ({ command: config.how || 'node', args: config.what || ['server.js'] })"
    yaml = {"startCommand": {"type": "stdio", "commandFunction": function}}
    built = make.folder({"smithery.yaml": yaml, "server.js": NODE % "1"})

    for how, what in [
        ("npx", ["-y", "@acme/other@1"]),
        ("uvx", ["--from", "other", "cmd"]),
        ("uv", ["run", "other"]),
        ("npm", ["run", "other"]),
        ("poetry", ["run", "other"]),
        ("pipx", ["run", "other"]),
    ]:
        done = built.run({"how": how, "what": what})
        assert done.returncode == 127, how
        assert "not in this bundle" in done.stderr, how


@pytest.mark.parametrize(
    ("manifest", "said"),
    [
        ({"bin": "dist/index.js"}, "not there after the build"),
        ({"bin": "a.js", "scripts": {"build": "no-such-compiler"}}, "run the script build"),
        ({"name": "library"}, "neither bin nor scripts.start"),
        ({"scripts": {"start": "go run ."}}, "'go'"),
    ],
)
def test_a_project_that_cannot_be_built_says_why_and_what_to_do(
    make: Maker, manifest: dict[str, Any], said: str
) -> None:
    with pytest.raises(BuildFailed) as failed:
        make.folder({"package.json": manifest})

    assert said in failed.value.cause
    assert failed.value.next_step

"""`.mcpb` bundles and server.json documents as launch rules, and installed."""

import json
from typing import Any

import pytest

from mooring import configuration
from mooring.launch import resolve
from mooring_local.building import documents, manifests
from mooring_local.packages import BuildFailed
from tests.unit.building.making import NODE, PYTHON, Files, Maker, upload, zipped

PACKAGE: dict[str, Any] = {
    "registryType": "npm",
    "identifier": "semver",
    "version": "7.7.2",
    "transport": {"type": "stdio"},
    "runtimeHint": "npx",
    "runtimeArguments": [{"type": "named", "name": "-y"}, {"type": "positional", "value": "semver@7.7.2"}],
    "packageArguments": [
        {"type": "positional", "valueHint": "version", "default": "1.2.3", "isRequired": True},
        {"type": "named", "name": "--range", "description": "which"},
        {"type": "named", "name": "--allow", "valueHint": "allow", "isRepeated": True},
        {"type": "positional", "valueHint": "more", "isRepeated": True},
        {
            "type": "named",
            "name": "--url",
            "value": "https://{host}:{port}/{other}",
            "variables": {"host": {"default": "a.example"}, "port": {"value": "8"}},
        },
    ],
    "environmentVariables": [
        {"name": "KEY", "isRequired": True, "isSecret": True},
        {"name": "config", "description": "a name that a connect URL has for itself"},
        {"name": "OPTIONAL"},
    ],
}


def document(*packages: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "name": "io.github.acme/weather",
        "description": "Weather",
        "version": "1.0.0",
        "packages": list(packages),
        **more,
    }


def started(config: dict[str, Any]) -> tuple[list[str], dict[str, str]]:
    described = documents.read(document(PACKAGE))
    rule = described.rule({"command": "node", "args": ["${bundle}/bin.js"]})
    launch = resolve(rule, configuration.check(config, described.config_schema), "/b", "/s")
    return list(launch.argv[2:]), launch.env


def test_the_arguments_and_variables_of_a_document_are_places_of_the_rule() -> None:
    url = ["--url", "https://a.example:8/{other}"]

    assert started({"KEY": "k"}) == (["1.2.3", *url], {"KEY": "k"})
    config = {"KEY": "k", "version": "2", "range": "^1", "allow": ["a", "b"], "more": ["x", "y"]}
    config |= {"host": "b.example", "env_config": "c"}
    arguments, env = started(config)
    assert arguments == [
        *("2", "--range", "^1", "--allow", "a", "--allow", "b", "x", "y", "--url"),
        "https://b.example:8/{other}",
    ]
    assert env == {"KEY": "k", "config": "c"}


def test_which_command_of_a_package_is_meant_is_read_from_the_runner_s_arguments() -> None:
    python: dict[str, Any] = {"registryType": "pypi", "identifier": "weather", "transport": {"type": "stdio"}}
    source = {"type": "named", "name": "--from", "value": "weather"}
    command = {"type": "positional", "value": "weather-mcp"}

    assert (
        documents.read(document({**python, "runtimeArguments": [source, command]})).command == "weather-mcp"
    )
    assert documents.read(document(python)).command == ""
    assert documents.read(document(PACKAGE)).command == ""


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"remotes": [{"type": "streamable-http", "url": "https://a.example/mcp"}]}, "runs elsewhere"),
        ({"packages": [{**PACKAGE, "registryType": "oci"}]}, "oci over stdio"),
        ({"packages": [{**PACKAGE, "transport": {"type": "sse"}}]}, "npm over sse"),
        ({}, "neither packages nor remotes"),
        ({"name": "no slash"}, "server.json"),
    ],
)
def test_a_document_that_cannot_be_hosted_is_refused(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(BuildFailed) as failed:
        documents.read(document(**fields))

    assert said in failed.value.cause


@pytest.mark.integration
def test_a_document_is_installed_alone_and_in_an_upload(make: Maker) -> None:
    built = make({"type": "server.json", "document": document(PACKAGE)})
    file = make.home / "server.json"
    file.write_text(json.dumps(document(PACKAGE)))
    uploaded = make(upload(file), file)

    assert built.run({"KEY": "k", "version": "4.5.6"}).stdout == "4.5.6\n"
    assert built.package.config_schema["required"] == ["KEY", "version"]
    assert (uploaded.digest, uploaded.package.launch) == (built.digest, built.package.launch)


MANIFEST: dict[str, Any] = {
    "name": "weather",
    "version": "1.0.0",
    "server": {
        "type": "node",
        "entry_point": "server/index.js",
        "mcp_config": {
            "command": "node",
            "args": ["${__dirname}/server/index.js", "${user_config.folders}", "--in=${user_config.unit}"],
            "env": {"KEY": "${user_config.key}", "AT": "${HOME}${/}x"},
            "platform_overrides": {
                "linux": {"env": {"KEY": "${user_config.key}"}},
                "win32": {"command": "x"},
            },
        },
    },
    "user_config": {
        "key": {"type": "string", "required": True, "sensitive": True},
        "unit": {"type": "string", "default": "metric"},
        "folders": {"type": "directory", "multiple": True, "default": ["/a", "/b"]},
    },
}


def test_a_manifest_becomes_a_rule_with_places(make: Maker) -> None:
    assert manifests.rule({"server": {"mcp_config": {"command": "${__dirname}/x", "args": ["${HOME}"]}}}) == {
        "command": "${bundle}/x",
        "args": ["${session}"],
    }
    with pytest.raises(BuildFailed):
        manifests.rule({"server": {"type": "node"}})


def test_a_bundle_with_its_modules_is_used_as_it_is(make: Maker) -> None:
    modules: Files = {
        "manifest.json": MANIFEST,
        "server/index.js": NODE % "require('own')",
        "server/package.json": {"name": "server", "dependencies": {"own": "1"}},
        "server/node_modules/own/index.js": "module.exports = 'own'",
    }
    file = zipped(make.home / "weather.mcpb", modules)

    built = make(upload(file), file)

    assert built.answer({"key": "k"}) == {"said": "own", "args": ["/a", "/b", "--in=metric"], "key": "k"}
    assert built.package.launch["args"][1] == "${config.folders[]}"
    assert built.package.config_schema["required"] == ["key"]


@pytest.mark.integration
def test_a_bundle_of_python_that_lists_its_requirements_has_them_installed(make: Maker) -> None:
    start = {
        "command": "python",
        "args": ["${__dirname}/server/main.py"],
        "env": {"PYTHONPATH": "${__dirname}/lib"},
    }
    server = {"type": "python", "entry_point": "server/main.py", "mcp_config": start}
    files: Files = {
        "manifest.json": {"name": "weather", "server": server},
        "server/main.py": PYTHON % "import iniconfig, own; said = own.__name__",
        "server/requirements.txt": "iniconfig==1.1.1",
        "lib/own.py": "",
    }
    file = zipped(make.home / "weather.mcpb", files)

    assert make(upload(file), file).answer()["said"] == "own"


def test_a_program_in_a_bundle_need_not_be_marked_as_one(make: Maker) -> None:
    """Zips made elsewhere have no modes."""
    start = {"command": "${__dirname}/server/run", "args": []}
    server = {"type": "binary", "entry_point": "server/run", "mcp_config": start}
    files: Files = {
        "manifest.json": {"name": "w", "server": server},
        "server/run": "#!/bin/sh\necho started\n",
    }
    file = zipped(make.home / "weather.mcpb", files)

    assert make(upload(file), file).run().stdout == "started\n"

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import Result

from mooring import trees
from mooring.errors import StartFailed
from mooring_cli.add import default_name
from tests.unit.cli.hand_made import KEY, HandMade, entry

Run = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    source = tmp_path / "my weather"
    source.mkdir()
    (source / "smithery.yaml").write_text(
        "startCommand:\n"
        "  command: python\n"
        "  args: [server.py]\n"
        "  configSchema: {type: object, required: [key], properties: {key: {type: string}}}\n"
    )
    yield source
    trees.remove(tmp_path / "worker")


def test_a_server_is_registered_after_it_started_and_listed_its_tools(
    run: Run, platform: HandMade, folder: Path
) -> None:
    result = run("add", str(folder), "--name", "acme/weather", "--env", "KEY=${config.key}")

    assert result.exit_code == 0
    assert [line.split()[0] for line in result.stdout.splitlines()] == ["TOOL", "look", "listen"]
    assert list(platform.servers) == ["acme/weather"]
    server = platform.servers["acme/weather"]
    assert [tool["name"] for tool in server["tools"]] == ["look", "listen"]
    assert server["prompts"] == [{"name": "greet"}]
    assert server["release"]["launch"]["env"] == {"KEY": "${config.key}"}


def test_it_is_started_once_beside_the_server_with_a_made_up_configuration(
    run: Run, platform: HandMade, folder: Path
) -> None:
    run("add", str(folder), "--name", "acme/weather")

    placeholder = "eyJrZXkiOiJwbGFjZWhvbGRlciJ9"  # {"key":"placeholder"}
    (path,) = platform.sessions
    assert path.startswith(f"/acme/weather.new/ws?config={placeholder}&session=")
    assert platform.asked[-2:] == [("PUT", "/servers/acme/weather"), ("PATCH", "/servers/acme/weather")]


def test_what_a_release_does_not_offer_any_more_is_forgotten(
    run: Run, platform: HandMade, folder: Path
) -> None:
    offered = {"tools": [], "resources": [{"uri": "a://b", "name": "b"}]}
    platform.servers["acme/weather"] = entry("acme/weather", offered)

    run("add", str(folder), "--name", "acme/weather")

    server = platform.servers["acme/weather"]
    assert server["resources"] is None
    assert server["prompts"] == [{"name": "greet"}]


def test_the_registry_itself_is_hosted_as_a_server(run: Run, platform: HandMade, tmp_path: Path) -> None:
    result = run("add", "registry")

    assert result.exit_code == 0
    (server,) = platform.servers.values()
    assert (server["qualifiedName"], server["displayName"]) == ("mooring/registry", "Mooring registry")
    release = server["release"]
    assert release["launch"]["env"] == {
        "MOORING_API_KEY": "${config.apiKey}",
        "MOORING_URL": platform.url,
    }
    assert release["configSchema"]["properties"]["apiKey"]["writeOnly"] is True
    assert KEY not in json.dumps(platform.servers)
    trees.remove(tmp_path / "worker")


def test_a_server_that_does_not_start_leaves_the_catalog_as_it_was(
    run: Run, platform: HandMade, folder: Path
) -> None:
    before = entry("acme/weather", {"release": {"bundle": "old"}})
    platform.servers["acme/weather"] = dict(before)
    platform.failure = StartFailed("the server exited", {"exitCode": 3, "stderr": ["no module named x"]})

    result = run("add", str(folder), "--name", "acme/weather")

    assert result.exit_code == 1
    assert platform.servers == {"acme/weather": before}
    assert "exit code: 3" in result.stderr
    assert "no module named x" in result.stderr


def test_what_is_hosted_is_told_to_programs_as_json(run: Run, platform: HandMade, folder: Path) -> None:
    told = json.loads(run("add", str(folder), "--json", "--", "node", "server.js").stdout)

    assert told["qualifiedName"] == "local/my-weather"
    assert len(told["bundle"]) == 64
    assert platform.servers["local/my-weather"]["release"]["launch"]["command"] == "node"


def test_a_folder_that_cannot_be_built_asks_nothing_of_the_registry(
    run: Run, platform: HandMade, tmp_path: Path
) -> None:
    result = run("add", str(tmp_path / "nowhere"))

    assert result.exit_code == 1
    assert "is not a folder" in result.stderr
    assert platform.asked == []


def test_a_mooring_on_another_machine_is_not_built_for(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOORING_URL", "https://mooring.example.com")
    monkeypatch.setenv("MOORING_API_KEY", "mk_1")

    assert run("add", str(folder)).exit_code == 1


@pytest.mark.parametrize(
    ("source", "package", "name"),
    [
        ("npm:@acme/weather@1", "@acme/weather", "acme/weather"),
        ("npm:weather", "weather", "npm/weather"),
        ("pypi:weather==1", "weather", "pypi/weather"),
        ("./My Weather!", "My Weather!", "local/My-Weather"),
        ("npm:_x", "_x", "npm/x"),
    ],
)
def test_a_server_nobody_named_is_named_by_its_origin(source: str, package: str, name: str) -> None:
    assert default_name(source, package) == name

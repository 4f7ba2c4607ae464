"""Smithery's own packages, told by SMITHERY_BASE_URL that this registry is theirs."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.registry import LAUNCH, Registry, publish, serving

pytestmark = pytest.mark.integration

NODE = Path(__file__).parents[1] / "clients" / "node"
CLI = NODE / "node_modules" / "@smithery" / "cli" / "dist" / "index.js"
SECONDS = 60.0
SERVERS = 23

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def url(running_registry: Registry) -> Iterator[str]:
    """The address of a registry that knows some servers, of which one is deployed and verified."""
    admin = running_registry.client()
    schema = {"type": "object", "properties": {"zone": {"type": "string"}}}
    publish(
        admin,
        "Acme/weather",
        displayName="Weather",
        description="Forecasts",
        verified=True,
        release={"launch": LAUNCH, "configSchema": schema},
        tools=[{"name": "forecast", "description": "Tells it", "inputSchema": {"type": "object"}}],
    )
    for number in range(1, SERVERS):
        publish(admin, f"other/server-{number:02}", description="Something else")
    with serving(running_registry.app) as url:
        yield url
    running_registry.forget_servers()


@pytest.fixture
def run(url: str, running_registry: Registry, tmp_path: Path) -> Run:
    """Run a Node program as its user would, at `url`."""

    def run(
        *command: str | Path, key: str | None = None, stdin: str = ""
    ) -> subprocess.CompletedProcess[str]:
        variables = {
            "SMITHERY_BASE_URL": url,
            "SMITHERY_API_KEY": key or running_registry.admin_key,
            "SMITHERY_CONFIG_PATH": str(tmp_path),
            "HOME": str(tmp_path),
        }
        return subprocess.run(
            ["node", *command],
            env={**os.environ, **variables},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    return run


@pytest.fixture
def api(run: Run) -> Callable[..., list[Any]]:
    """Make calls with @smithery/api; return what each gave."""

    def call(*orders: tuple[Any, ...], key: str | None = None) -> list[Any]:
        done = run(NODE / "smithery_api.mjs", key=key, stdin=json.dumps(orders))
        assert done.returncode == 0, done.stderr
        answers: list[Any] = json.loads(done.stdout)
        return answers

    return call


def test_the_command_finds_servers(run: Run) -> None:
    done = run(CLI, "mcp", "search", "weather", "--json")
    assert done.returncode == 0, done.stderr
    assert '"Acme/weather"' in done.stdout
    assert "other/" not in done.stdout
    table = run(CLI, "mcp", "search", "weather")
    assert "Acme/weather" in table.stdout


def test_the_command_says_that_a_key_is_not_known(run: Run) -> None:
    done = run(CLI, "mcp", "search", "weather", "--json", key="mk_nobody")
    assert done.returncode != 0
    assert "401" in done.stderr + done.stdout


def test_the_api_s_pages_end(api: Callable[..., list[Any]]) -> None:
    """It asks for pages until one is empty: that one is a 200."""
    by_ten, beyond, whole = api(
        ("servers", "list", {"pageSize": 10}),
        ("servers", "list", {"page": 99}),
        ("servers", "list", {"pageSize": SERVERS}),
    )
    assert [len(page) for page in by_ten] == [10, 10, 3, 0]
    assert [len(page) for page in beyond] == [0]
    assert [len(page) for page in whole] == [SERVERS, 0]
    names = {server["qualifiedName"] for page in by_ten for server in page}
    assert len(names) == SERVERS


def test_the_api_checks_a_key_by_asking_for_one_server(api: Callable[..., list[Any]]) -> None:
    order = ("servers", "list", {"pageSize": 1, "page": 99})
    assert api(order) == [[[]]]
    (refused,) = api(order, key="mk_nobody")
    assert refused["status"] == 401


def test_the_api_reads_a_server_as_its_types_say(api: Callable[..., list[Any]], url: str) -> None:
    server, unknown = api(("servers", "get", "Acme/weather"), ("servers", "get", "@acme/nothing"))
    assert unknown["status"] == 404
    assert (
        server.items()
        >= {
            "qualifiedName": "Acme/weather",
            "displayName": "Weather",
            "description": "Forecasts",
            "remote": True,
            "iconUrl": None,
            "deploymentUrl": "https://host/Acme/weather",
            "prompts": None,
            "resources": None,
            "security": None,
        }.items()
    )
    assert server["tools"] == [
        {"name": "forecast", "description": "Tells it", "inputSchema": {"type": "object"}}
    ]
    ((listed,), *_) = api(("servers", "list", {"q": "Acme/weather", "pageSize": 1}))[0]
    assert (listed["id"], listed["namespace"], listed["slug"]) == ("acme/weather", "Acme", "weather")
    assert (listed["verified"], listed["isDeployed"], listed["bySmithery"]) == (True, True, False)


def test_the_api_publishes_changes_and_deletes(
    api: Callable[..., list[Any]], running_registry: Registry
) -> None:
    _, key = running_registry.keys.create("ada", "publisher")
    created, again, changed, seen, deleted, gone = api(
        ("servers", "create", "@ada/new", {"displayName": "New", "description": "d"}),
        ("servers", "create", "ada/new", {"displayName": "New", "description": "d"}),
        (
            "servers",
            "update",
            "ada/new",
            {"license": "MIT", "homepage": None, "repositoryUrl": "https://x.test/r", "unlisted": True},
        ),
        ("servers", "get", "ada/new"),
        ("servers", "delete", "ada/new"),
        ("servers", "get", "ada/new"),
        key=key,
    )
    assert created["createdAt"] == again["createdAt"]
    assert (changed["license"], seen["repository"], seen["unlisted"]) == ("MIT", "https://x.test/r", True)
    assert (deleted, gone["status"]) == (None, 404)

from dataclasses import replace

from mooring.server_views import ServerViews
from mooring.servers import Release, Server

VIEWS = ServerViews("wss://host", "https://host/")
SERVER = Server(
    qualified_name="Acme/Weather",
    display_name="Weather",
    created_at="2026-11-20",
    updated_at="2026-11-21",
    version=1,
)
HERE = replace(SERVER, release=Release(launch={"command": "node"}))
REMOTES = ({"type": "http", "url": "https://acme.test/mcp"}, {"type": "ws", "url": "wss://acme.test"})


def test_a_list_has_the_fields_of_the_first_contract_then_those_of_the_later_one() -> None:
    assert list(VIEWS.listed(SERVER, 42).items()) == [
        ("qualifiedName", "Acme/Weather"),
        ("displayName", "Weather"),
        ("description", ""),
        ("homepage", "https://host/server/Acme/Weather"),
        ("useCount", "42"),
        ("isDeployed", False),
        ("createdAt", "2026-11-20"),
        ("id", "acme/weather"),
        ("namespace", "Acme"),
        ("slug", "Weather"),
        ("owner", None),
        ("iconUrl", None),
        ("verified", False),
        ("bySmithery", False),
        ("remote", False),
        ("hosting", None),
        ("score", None),
    ]


def test_the_badges_tell_where_a_server_runs() -> None:
    elsewhere = replace(SERVER, remotes=REMOTES)
    somewhere = replace(SERVER, hosted_elsewhere=True)
    badges = [
        (view["isDeployed"], view["hosting"], view["remote"])
        for view in (VIEWS.listed(server, 0) for server in (SERVER, HERE, elsewhere, somewhere))
    ]
    assert badges == [
        (False, None, False),
        (True, "here", True),
        (True, "elsewhere", True),
        (True, "elsewhere", False),
    ]


def test_a_server_that_runs_nowhere_cannot_be_connected_to() -> None:
    view = VIEWS.detailed(SERVER, 0)
    assert (view["deploymentUrl"], view["connections"]) == (None, [])


def test_every_way_to_connect_is_told_ours_first() -> None:
    schema = {"type": "object"}
    packages = (
        {"registryType": "npm", "identifier": "@acme/weather", "version": "1.2.3"},
        {"registryType": "oci", "identifier": "acme/weather"},
        {"identifier": "of no kind"},
    )
    release = Release(launch={"command": "node"}, package="npm:@acme/weather@1.2.3")
    server = replace(SERVER, release=release, remotes=REMOTES, packages=packages, config_schema=schema)
    view = VIEWS.detailed(server, 0)
    assert view["deploymentUrl"] == "https://host/Acme/Weather"
    assert view["connections"] == [
        {"type": "ws", "url": "wss://host/Acme/Weather/ws", "configSchema": {}},
        {"type": "stdio", "package": "npm:@acme/weather@1.2.3", "configSchema": {}},
        {
            "type": "http",
            "url": "https://acme.test/mcp",
            "deploymentUrl": "https://acme.test/mcp",
            "configSchema": schema,
        },
        {"type": "ws", "url": "wss://acme.test", "deploymentUrl": "wss://acme.test", "configSchema": schema},
        {"type": "stdio", "package": "oci:acme/weather", "configSchema": schema},
    ]
    assert VIEWS.detailed(replace(server, release=None), 0)["deploymentUrl"] == "https://acme.test/mcp"


def test_the_launch_rule_is_shown_to_nobody() -> None:
    """Its environment may hold the publisher's own credentials."""
    release = Release(launch={"command": "node", "env": {"TOKEN": "sk-9f8e7d6c"}}, config_schema=None)
    view = VIEWS.detailed(replace(SERVER, release=release), 0)
    assert "sk-9f8e7d6c" not in repr(view)

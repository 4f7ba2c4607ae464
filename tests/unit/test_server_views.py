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


def test_a_list_has_the_fields_of_the_contract_and_the_use_count_as_text() -> None:
    assert VIEWS.listed(SERVER, 42) == {
        "qualifiedName": "Acme/Weather",
        "displayName": "Weather",
        "description": "",
        "homepage": "https://host/server/Acme/Weather",
        "useCount": "42",
        "isDeployed": False,
        "createdAt": "2026-11-20",
    }


def test_a_server_without_a_release_cannot_be_connected_to() -> None:
    view = VIEWS.detailed(SERVER, 0)
    assert (view["deploymentUrl"], view["connections"]) == (None, [])


def test_the_launch_rule_is_shown_to_nobody() -> None:
    """Its environment may hold the publisher's own credentials."""
    release = Release(launch={"command": "node", "env": {"TOKEN": "sk-9f8e7d6c"}}, config_schema=None)
    deployed = replace(SERVER, release=release)
    view = VIEWS.detailed(deployed, 0)
    assert "sk-9f8e7d6c" not in repr(view)
    assert view["connections"] == [{"type": "ws", "url": "wss://host/Acme/Weather/ws", "configSchema": {}}]

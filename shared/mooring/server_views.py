"""Servers as the registry's JSON shows them (no I/O)."""

from typing import Any

from mooring.servers import Server
from mooring.url import connect_url

View = dict[str, Any]


class ServerViews:
    """`ws_url` is what connect URLs start with, `public_url` what links to the pages start with."""

    def __init__(self, ws_url: str, public_url: str) -> None:
        self._ws_url = ws_url
        self._public_url = public_url.rstrip("/")

    def listed(self, server: Server, use_count: int) -> View:
        """Return an entry of a list: the fields of the contract, of which `useCount` is text."""
        return {
            "qualifiedName": server.qualified_name,
            "displayName": server.display_name,
            "description": server.description,
            "homepage": server.homepage or f"{self._public_url}/server/{server.qualified_name}",
            "useCount": str(use_count),
            "isDeployed": server.is_deployed,
            "createdAt": server.created_at,
        }

    def detailed(self, server: Server, use_count: int) -> View:
        """Return everything about one server that its readers may see; the launch rule is not part of it."""
        return {
            **self.listed(server, use_count),
            "deploymentUrl": f"{self._public_url}/{server.qualified_name}" if server.is_deployed else None,
            "connections": self._connections(server),
            "repository": server.repository,
            "license": server.license,
            "iconUrl": None,
            "security": None,
            "tools": server.tools,
            "prompts": server.prompts,
            "resources": server.resources,
        }

    def _connections(self, server: Server) -> list[View]:
        release = server.release
        if release is None:
            return []
        config_schema = release.config_schema or {}
        url = connect_url(self._ws_url, server.qualified_name)
        ways: list[View] = [{"type": "ws", "url": url, "configSchema": config_schema}]
        if release.package:
            ways.append({"type": "stdio", "package": release.package, "configSchema": config_schema})
        return ways

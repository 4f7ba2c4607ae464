"""Servers as the registry's JSON shows them (no I/O)."""

from typing import Any

from mooring import surface
from mooring.servers import Document, Server
from mooring.url import connect_url

View = dict[str, Any]


class ServerViews:
    """`ws_url` is what connect URLs start with, `public_url` what links to the pages start with."""

    def __init__(self, ws_url: str, public_url: str) -> None:
        self._ws_url = ws_url
        self._public_url = public_url.rstrip("/")

    def listed(self, server: Server, use_count: int) -> View:
        """Return an entry of a list."""
        return self.entry(card(server), use_count)

    def entry(self, kept: View, use_count: int) -> View:
        """Return the entry of a list that a `card` is kept for."""
        page = f"{self._public_url}/server/{kept['qualifiedName']}"
        return {**kept, "homepage": kept["homepage"] or page, "useCount": str(use_count)}

    def detailed(self, server: Server, use_count: int) -> View:
        """Return everything about one server that its readers may see; the launch rule is not part of it."""
        return {
            **self.listed(server, use_count),
            "deploymentUrl": self._deployment_url(server),
            "connections": self.connections(server),
            "repository": server.repository,
            "license": server.license,
            "categories": server.categories,
            "keywords": server.keywords,
            "version": server.version_name,
            "remotes": server.remotes,
            "packages": server.packages,
            "source": server.source,
            "unlisted": server.unlisted,
            "isolated": server.isolated,
            "updatedAt": server.updated_at,
            "security": None,
            "tools": server.tools,
            "prompts": server.prompts,
            "resources": server.resources,
            "surface": surface.current(server.offers),
        }

    def _deployment_url(self, server: Server) -> str | None:
        if server.release:
            return f"{self._public_url}/{server.qualified_name}"
        return next((remote["url"] for remote in server.remotes), None)

    def connections(self, server: Server) -> list[View]:
        """Return the ways to reach it, those through here first."""
        ways: list[View] = []
        release = server.release
        if release:
            url = connect_url(self._ws_url, server.qualified_name)
            of_release = {"configSchema": release.config_schema or {}}
            ways.append({"type": "ws", "url": url, **of_release})
            if release.package:
                ways.append({"type": "stdio", "package": release.package, **of_release})
        schema = server.config_schema or {}
        for remote in server.remotes:
            urls = {"url": remote["url"], "deploymentUrl": remote["url"]}
            ways.append({"type": remote["type"], **urls, "configSchema": schema})
        packages = [_package(package) for package in server.packages]
        ways += [
            {"type": "stdio", "package": package, "configSchema": schema}
            for package in packages
            if package and not (release and package == release.package)
        ]
        return ways


def card(server: Server) -> View:
    """Return what an entry of a list is made of, wherever it is shown: the fields of the first contract, then
    the later ones. Its `useCount` is the number of calls that were counted elsewhere.
    """
    namespace, _, slug = server.qualified_name.partition("/")
    return {
        "qualifiedName": server.qualified_name,
        "displayName": server.display_name,
        "description": server.description,
        "homepage": server.homepage,
        "useCount": server.uses_elsewhere,
        "isDeployed": server.is_deployed,
        "createdAt": server.created_at,
        "id": server.name,
        "namespace": namespace,
        "slug": slug,
        "owner": server.owner or None,
        "iconUrl": server.icon_url or None,
        "verified": server.verified,
        "bySmithery": False,
        "remote": server.is_remote,
        "hosting": server.hosting,
        "score": None,
    }


def _package(package: Document) -> str | None:
    """Return `npm:name@1.2.3` for a package of a server.json that runs on stdio; None: it is no such one."""
    kind, identifier, version = (package.get(name) for name in ("registryType", "identifier", "version"))
    if not isinstance(kind, str) or not isinstance(identifier, str):
        return None
    return f"{kind}:{identifier}" + (f"@{version}" if isinstance(version, str) and version else "")

"""The registry with servers to claim, and the public places where a proof may be."""

import json
from dataclasses import dataclass, field
from typing import Any

from fastapi.testclient import TestClient

from mooring.keys import Role
from mooring_local import tables
from tests.integration.registry import Registry, publish
from tests.unit.public_world import PublicWorld

SOURCE = {"registry": "r", "name": "acme/weather"}
RAW = "https://raw.githubusercontent.com/acme/weather/HEAD/mooring-claim.txt"
WELL_KNOWN = "https://acme.test/.well-known/mooring-claim"
RECORD = "_mooring-claim.acme.test"
DAY = 86_400


@dataclass
class Clock:
    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Claiming:
    """The registry, with a public world to look at; ada is who claims, and has a key of her own."""

    registry: Registry
    world: PublicWorld
    clock: Clock
    admin: TestClient
    principals: dict[int, str] = field(default_factory=dict)

    def new(self, role: Role, principal: str | None = None) -> TestClient:
        key, secret = self.registry.keys.create("test", role, principal)
        client = TestClient(
            self.admin.app, headers={"Authorization": f"Bearer {secret}"}, raise_server_exceptions=False
        )
        self.principals[id(client)] = key.principal
        return client

    def lists(self, name: str = "acme/weather", **said: Any) -> None:
        """List a server as an import does."""
        about = {
            "source": SOURCE,
            "repository": "https://github.com/acme/weather",
            "homepage": "https://acme.test/weather",
        }
        publish(self.admin, name, **{**about, **said})

    def puts(self, method: str, content: str) -> None:
        """Do as the owner of the place would."""
        match method:
            case "file":
                self.world.pages[RAW] = f"# of Mooring\n{content}\n"
            case "well-known":
                self.world.pages[WELL_KNOWN] = content
            case "dns":
                self.world.texts[RECORD] = ["other", content]

    def owner(self, name: str = "acme/weather") -> str:
        owner: str = self.admin.get(f"/servers/{name}").json()["owner"]
        return owner

    def rows(self) -> str:
        pages = self.registry.dynamodb.scan(TableName=tables.name("catalog"))["Items"]
        return json.dumps([row for row in pages if row["item"]["S"].startswith("claim#")])


def challenge(client: TestClient, method: str, name: str = "acme/weather") -> dict[str, Any]:
    answer = client.post(f"/servers/{name}/claims", json={"method": method})
    assert answer.status_code == 201, answer.text
    asked: dict[str, Any] = answer.json()
    return asked


def verified(client: TestClient, name: str = "acme/weather") -> int:
    return client.post(f"/servers/{name}/claims/verify").status_code

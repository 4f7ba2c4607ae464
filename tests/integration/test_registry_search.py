"""Search through a whole local run: what is published is found, what is hidden not, a lost index returns."""

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest

from tests.stack import Stack, home_with_a_server, running, until_empty

pytestmark = pytest.mark.integration

FOUND_SECONDS = 15.0  # of the design: a published server is found by its meaning
REBUILT_SECONDS = 30.0


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running(home_with_a_server(tmp_path_factory.mktemp("search") / "home")) as stack:
        yield stack


def found(stack: Stack, q: str = "") -> list[str]:
    status, answer = stack.call("GET", f"/servers?{urlencode({'q': q})}")
    assert status == 200, answer
    return [server["qualifiedName"] for server in answer["servers"]]


async def until_found(stack: Stack, q: str, name: str, seconds: float = FOUND_SECONDS) -> None:
    async def missing() -> Any:
        names = await asyncio.to_thread(found, stack, q)
        return name not in names and f"{q!r} finds {names}"

    await until_empty(missing, seconds)


async def until_lost(stack: Stack, q: str, name: str) -> None:
    async def still_found() -> bool:
        return name in await asyncio.to_thread(found, stack, q)

    await until_empty(still_found, FOUND_SECONDS)


def is_answered_from_names(stack: Stack) -> bool:
    request = Request(f"{stack.url}/servers", headers={"Authorization": f"Bearer {stack.api_key}"})
    with urlopen(request, timeout=10) as answer:
        return bool(answer.headers["X-Mooring-Search"] == "names")


async def test_a_server_is_found_by_its_name_at_once_and_soon_by_its_meaning(stack: Stack) -> None:
    stack.call("PUT", "/servers/Acme/Barometer", {"description": "Weather forecasts for sailors"})
    assert found(stack, "@acme/barometer")[0] == "Acme/Barometer"
    await until_found(stack, "will it rain at sea", "Acme/Barometer")


async def test_a_change_is_found_and_what_was_before_is_not(stack: Stack) -> None:
    stack.call("PUT", "/servers/acme/changing", {"description": "Translates hieroglyphs"})
    await until_found(stack, "hieroglyphs", "acme/changing")
    stack.call("PATCH", "/servers/acme/changing", {"description": "Tunes pianos"})
    await until_found(stack, "pianos", "acme/changing")
    assert "acme/changing" not in found(stack, "hieroglyphs")


@pytest.mark.parametrize("hide", ["DELETE", "PATCH"])
async def test_deleted_and_unlisted_servers_disappear(stack: Stack, hide: str) -> None:
    name = f"acme/{hide.lower()}"
    stack.call("PUT", f"/servers/{name}", {"description": "Counts penguins"})
    await until_found(stack, "penguins", name)
    status, _ = stack.call(hide, f"/servers/{name}", {"unlisted": True} if hide == "PATCH" else None)
    assert status in (200, 204)
    await until_lost(stack, "penguins", name)
    assert name not in found(stack, name)


async def test_a_tool_is_found_with_its_server(stack: Stack) -> None:
    tool = {"name": "fold_crane", "description": "Folds a crane of paper", "inputSchema": {"type": "object"}}
    stack.call("PUT", "/servers/acme/origami", {"tools": [tool]})

    async def missing() -> bool:
        _, answer = await asyncio.to_thread(stack.call, "GET", "/tools?q=crane+of+paper")
        return ("acme/origami", tool["name"]) not in [
            (entry["server"], entry["name"]) for entry in answer["tools"]
        ]

    await until_empty(missing, FOUND_SECONDS)


@pytest.mark.parametrize("damage", ["manifest", "segment", "everything"])
async def test_a_lost_index_is_built_again_and_names_answer_meanwhile(stack: Stack, damage: str) -> None:
    stack.call("PUT", "/servers/acme/abacus", {"description": "Adds and subtracts numbers"})
    await until_found(stack, "subtracts", "acme/abacus")
    index = stack.home / "index"
    wreck(index, damage)

    async def not_noticed() -> bool:
        """Names answer until the index is whole again, which may be so before we look."""
        names_only = await asyncio.to_thread(is_answered_from_names, stack)
        return not names_only and is_wrecked(index, damage)

    await until_empty(not_noticed, FOUND_SECONDS)
    assert found(stack, "acme/abacus") == ["acme/abacus"]
    await until_found(stack, "subtracts", "acme/abacus", REBUILT_SECONDS)
    assert not is_answered_from_names(stack)


def wreck(index: Path, damage: str) -> None:
    if damage == "manifest":
        (index / "manifest.json").write_text("{")
    for path in index.glob("*.arrays"):
        if damage == "segment":
            path.write_bytes(b"nothing")
        elif damage == "everything":
            path.unlink()
    if damage == "everything":
        (index / "manifest.json").unlink()


def is_wrecked(index: Path, damage: str) -> bool:
    manifest = index / "manifest.json"
    if damage == "segment":
        return all(path.stat().st_size == 7 for path in index.glob("*.arrays"))
    return not manifest.exists() or manifest.read_text() == "{"


async def test_an_indexer_that_dies_is_replaced_and_misses_nothing(stack: Stack) -> None:
    dead = stack.pid("indexer")
    os.kill(dead, signal.SIGKILL)
    stack.call("PUT", "/servers/acme/phoenix", {"description": "Rises from ashes"})

    async def not_replaced() -> bool:
        return stack.pid("indexer") == dead

    await until_empty(not_replaced, FOUND_SECONDS)
    await until_found(stack, "ashes", "acme/phoenix")


async def test_what_was_published_just_before_a_crash_is_found_after_it(tmp_path: Path) -> None:
    home = home_with_a_server(tmp_path / "home")
    with running(home) as stack:
        await until_found(stack, "listed", "acme/listed")
        os.kill(stack.pid("indexer"), signal.SIGSTOP)  # it sees nothing of what comes
        stack.call("PUT", "/servers/acme/late", {"description": "Writes minutes of meetings"})

        async def not_journaled() -> bool:
            return "acme/late" not in (home / "state" / "catalog.jsonl").read_text()

        await until_empty(not_journaled, 5)
        stack.kill()
        stack.start()
        await until_found(stack, "minutes of meetings", "acme/late")

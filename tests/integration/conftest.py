"""One Mooring for all integration tests, started as a user starts it, with real servers hosted on it."""

import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from tests.clients.programs import npm_version
from tests.integration import registry
from tests.integration.registry import Registry
from tests.stack import Stack, running

SERVERS = Path(__file__).parents[1] / "servers"

Personality = Callable[[str], str]


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running(tmp_path_factory.mktemp("mooring") / "home") as stack:
        yield stack


@pytest.fixture(scope="session")
def everything(stack: Stack) -> str:
    return hosted_from_npm(stack, "@modelcontextprotocol/server-everything")


def hosted_from_npm(stack: Stack, package: str) -> str:
    """Host an npm server as a user does; return its name."""
    name = f"npm/{package.rpartition('/')[2]}"
    stack.command("add", f"npm:{package}@{npm_version(package)}", "--name", name)
    return name


@pytest.fixture(scope="session")
def personality(stack: Stack) -> Personality:
    """Register a server of tests/servers, once; return its name."""
    registered: dict[str, str] = {}

    def register(server: str) -> str:
        if server not in registered:
            registered[server] = f"test/{server.replace('_', '-')}"
            stack.put(registered[server], sys.executable, SERVERS / f"{server}.py")
        return registered[server]

    return register


@pytest.fixture
async def nothing_is_left(stack: Stack) -> AsyncIterator[None]:
    """Assert, after the test, that no process, socket, row or session of its clients remains."""
    yield
    await stack.until_no_session_is_left()


@pytest.fixture(scope="module")
def running_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with registry.running(tmp_path_factory.mktemp("registry")) as one:
        yield one


@pytest.fixture
def http(running_registry: Registry) -> Iterator[TestClient]:
    """A client of the registry with the admin's key; the servers it publishes go after the test."""
    yield running_registry.client()
    running_registry.forget_servers()

"""Clients that may not enter, or ask for what there is not: an HTTP status says so, and nothing starts."""

import asyncio
import base64
import json
import sys
from typing import Any

import pytest

from mooring.url import connect_url
from tests.integration.conftest import SERVERS
from tests.raw_client import raw_client, refusal
from tests.stack import Stack

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("nothing_is_left")]

REFUSAL_SECONDS = 2.0  # design: an error reaches the client within 2 s of its cause
ANSWER_SECONDS = 10.0

NEEDS = {
    "type": "object",
    "properties": {
        "city": {"type": "string"},
        "apiKey": {"type": "string"},
        "units": {"type": "object", "properties": {"decimals": {"type": "integer"}}},
    },
    "required": ["city", "apiKey"],
}
GOOD_CONFIG = {"city": "Oslo", "apiKey": "secret"}


@pytest.fixture(scope="module")
def needs_config(stack: Stack) -> str:
    stack.put(
        "test/needs-config",
        sys.executable,
        SERVERS / "needs_config.py",
        "--city",
        "${config.city}",
        schema=NEEDS,
        env={"API_KEY": "${config.apiKey}"},
    )
    return "test/needs-config"


@pytest.mark.parametrize("api_key", [None, "mk_wrong", ""])
async def test_a_client_without_a_known_key_is_refused_with_401(
    stack: Stack, needs_config: str, api_key: str | None
) -> None:
    status, answer = await refusal(connect_url(stack.ws_url, needs_config, GOOD_CONFIG, api_key))

    assert (status, answer["error"]) == (401, "Unauthorized")


@pytest.mark.parametrize("server", ["test/no-such-server", "@nobody/nothing"])
async def test_an_unknown_server_is_refused_with_404(stack: Stack, server: str) -> None:
    status, answer = await refusal(stack.connect_url(server))

    assert (status, answer["error"]) == (404, "ServerNotFound")


async def test_a_server_without_a_release_is_refused_with_409(stack: Stack) -> None:
    assert stack.call("PUT", "/servers/test/only-listed", {"description": "not hosted"})[0] == 201

    status, answer = await refusal(stack.connect_url("test/only-listed"))

    assert (status, answer["error"]) == (409, "NotDeployed")


UNREADABLE = {
    "not base64": "%%%",
    "not JSON": base64.b64encode(b"{city: Oslo}").decode(),
    "not UTF-8": base64.b64encode(b'{"city": "\xff"}').decode(),
    "not an object": base64.b64encode(b'["Oslo"]').decode(),
}


@pytest.mark.parametrize("config", UNREADABLE.values(), ids=UNREADABLE.keys())
async def test_a_config_that_cannot_be_read_is_refused_with_422(
    stack: Stack, needs_config: str, config: str
) -> None:
    url = f"{stack.connect_url(needs_config)}&config={config.replace('%', '%25').replace('+', '%2B')}"

    status, answer = await refusal(url)

    assert (status, answer["error"]) == (422, "InvalidConfig")


MISFITS: dict[str, tuple[dict[str, Any], set[str]]] = {
    "a missing property": ({"city": "Oslo"}, {"/apiKey"}),
    "two missing properties": ({}, {"/city", "/apiKey"}),
    "a wrong type": ({**GOOD_CONFIG, "city": 7}, {"/city"}),
    "a wrong type inside": ({**GOOD_CONFIG, "units": {"decimals": "two"}}, {"/units/decimals"}),
}


@pytest.mark.parametrize(("config", "pointers"), MISFITS.values(), ids=MISFITS.keys())
async def test_a_config_that_does_not_fit_is_refused_with_pointers(
    stack: Stack, needs_config: str, config: dict[str, Any], pointers: set[str]
) -> None:
    status, answer = await refusal(stack.connect_url(needs_config, config))

    assert (status, answer["error"]) == (422, "InvalidConfig")
    assert {error["pointer"] for error in answer["errors"]} == pointers
    assert "secret" not in json.dumps(answer)


async def test_a_config_that_fits_reaches_the_server(stack: Stack, needs_config: str) -> None:
    url = stack.connect_url(needs_config, GOOD_CONFIG)
    async with asyncio.timeout(ANSWER_SECONDS), raw_client(url) as client:
        answer = await client.request("config")

    assert answer["result"]["arguments"] == ["--city", "Oslo"]
    assert answer["result"]["key"] == "secret"

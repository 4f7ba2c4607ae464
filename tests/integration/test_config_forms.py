"""Every way to configure a session, through a real handshake to the child that gets it."""

import asyncio
import base64
import json
import secrets
import sys
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from websockets.exceptions import InvalidStatus

from tests.integration.conftest import SERVERS
from tests.raw_client import raw_client
from tests.stack import Stack

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("nothing_is_left")]

NAME = {"type": "string", "minLength": 1}
PROPERTIES: dict[str, Any] = {
    "auth": {"type": "object", "properties": {"apiKey": {"type": "string"}}, "required": ["apiKey"]},
    "units": {"type": "string", "default": "metric"},
    "days": {"type": "integer"},
    "user": {"type": "string"},
    "password": {"type": "string"},
}
SHAPE = {"type": "object", "required": ["city", "auth"]}
DRAFT_07 = {
    **SHAPE,
    "$schema": "http://json-schema.org/draft-07/schema#",
    "definitions": {"name": NAME},
    "properties": {**PROPERTIES, "city": {"$ref": "#/definitions/name"}},
    "dependencies": {"user": ["password"]},
}
DRAFT_2020 = {
    **SHAPE,
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$defs": {"name": NAME},
    "properties": {**PROPERTIES, "city": {"$ref": "#/$defs/name"}},
    "dependentRequired": {"user": ["password"]},
}
SCHEMAS = {"draft-07": DRAFT_07, "2020-12": DRAFT_2020}

CITY = "Ærø ~?>"  # whose base64 has "+" and "/", or "-" and "_"
CONFIG = {"city": CITY, "auth": {"apiKey": "s3cret"}}
ANSWER_SECONDS = 10.0


@pytest.fixture(scope="module", params=SCHEMAS)
def server(stack: Stack, request: pytest.FixtureRequest) -> str:
    name = f"test/forms-{request.param}"
    stack.put(
        name,
        sys.executable,
        SERVERS / "needs_config.py",
        *("--city", "${config.city}", "--units", "${config.units}", "--days", "${config.days}"),
        schema=SCHEMAS[request.param],
        env={"API_KEY": "${config.auth.apiKey}"},
    )
    return name


def text_of(config: dict[str, Any]) -> bytes:
    return json.dumps(config, ensure_ascii=False).encode()


def in_base64(config: dict[str, Any]) -> dict[str, str]:
    return {"config": base64.b64encode(text_of(config)).decode()}


def in_base64url(config: dict[str, Any]) -> dict[str, str]:
    return {"config": base64.urlsafe_b64encode(text_of(config)).decode()}


def stored(stack: Stack, config: dict[str, Any]) -> dict[str, str]:
    name = f"forms-{secrets.token_hex(4)}"
    assert stack.call("PUT", f"/profiles/{name}", {"config": config})[0] == 200
    return {"profile": name}


def carried(stack: Stack, config: dict[str, Any]) -> dict[str, str]:
    status, answer = stack.call("POST", "/tickets", {"config": config})
    assert status == 201
    return {"ticket": answer["ticket"]}


FORMS: dict[str, Callable[[Stack], dict[str, str]]] = {
    "base64": lambda stack: in_base64(CONFIG),
    "base64 without its end": lambda stack: {"config": in_base64(CONFIG)["config"].rstrip("=")},
    "base64url": lambda stack: in_base64url(CONFIG),
    "base64url without its end": lambda stack: {"config": in_base64url(CONFIG)["config"].rstrip("=")},
    "dot parameters": lambda stack: {"city": CITY, "auth.apiKey": "s3cret"},
    "a profile": lambda stack: stored(stack, CONFIG),
    "a ticket": lambda stack: carried(stack, CONFIG),
    "a profile, and base64 over it": lambda stack: {
        **stored(stack, {"city": "Oslo", "auth": {"apiKey": "s3cret"}}),
        **in_base64({"city": CITY}),
    },
    "base64, and dot parameters over it": lambda stack: {
        **in_base64({"city": CITY, "auth": {"apiKey": "old"}}),
        "auth.apiKey": "s3cret",
    },
    "all three": lambda stack: {
        **stored(stack, {"city": "Oslo", "auth": {"apiKey": "older"}}),
        **in_base64url({"auth": {"apiKey": "old"}}),
        "city": CITY,
        "auth.apiKey": "s3cret",
    },
}


def url(stack: Stack, server: str, query: dict[str, str]) -> str:
    key = {} if "ticket" in query else {"api_key": stack.api_key}
    return f"{stack.ws_url}/{server}/ws?{urlencode({**query, **key}, quote_via=quote)}"


async def test_the_child_gets_what_was_meant(stack: Stack, server: str) -> None:
    async def got(query: dict[str, str]) -> Any:
        async with asyncio.timeout(ANSWER_SECONDS), raw_client(url(stack, server, query)) as client:
            return (await client.request("config"))["result"]

    async with asyncio.TaskGroup() as sessions:
        tasks = {form: sessions.create_task(got(query(stack))) for form, query in FORMS.items()}
    for form, task in tasks.items():
        arguments = ["--city", CITY, "--units", "metric", "--days"]
        assert (form, task.result()["arguments"], task.result()["key"]) == (form, arguments, "s3cret")


@pytest.mark.parametrize(
    ("value", "argument"), [("3", "3"), ("03", None), ("three", None), ("3.5", None), ("true", None)]
)
async def test_a_dot_parameter_is_a_number_where_it_can_be_read_as_one(
    stack: Stack, server: str, value: str, argument: str | None
) -> None:
    address = url(stack, server, {**in_base64(CONFIG), "days": value})
    if argument is None:
        assert await refusal(address) == {"/days": "must be of type integer"}
        return
    async with asyncio.timeout(ANSWER_SECONDS), raw_client(address) as client:
        assert (await client.request("config"))["result"]["arguments"][-1] == argument


MISFITS: dict[str, tuple[Callable[[Stack], dict[str, str]], set[str]]] = {
    "nothing": (lambda stack: {}, {"/city", "/auth"}),
    "base64": (lambda stack: in_base64({"city": "", "auth": {}}), {"/city", "/auth/apiKey"}),
    "dot parameters": (lambda stack: {"city.x": "1", "auth.apiKey": "s3cret"}, {"/city"}),
    "a profile": (lambda stack: stored(stack, {**CONFIG, "days": "s3cret"}), {"/days"}),
    "a ticket": (lambda stack: carried(stack, {**CONFIG, "auth": "s3cret"}), {"/auth"}),
    "a dependency": (lambda stack: in_base64({**CONFIG, "user": "s3cret"}), {""}),
}


@pytest.mark.parametrize("form", MISFITS)
async def test_what_does_not_fit_is_pointed_at_and_not_repeated(stack: Stack, server: str, form: str) -> None:
    query, pointers = MISFITS[form]
    assert (await refusal(url(stack, server, query(stack)))).keys() == pointers


async def refusal(address: str) -> dict[str, str]:
    """Return the reasons of a refused handshake by their pointers."""
    with pytest.raises(InvalidStatus) as refused:
        async with asyncio.timeout(ANSWER_SECONDS), raw_client(address):
            pass
    response = refused.value.response
    body = (response.body or b"").decode()
    assert (response.status_code, json.loads(body)["error"]) == (422, "InvalidConfig")
    assert "s3cret" not in body
    return {error["pointer"]: error["reason"] for error in json.loads(body)["errors"]}

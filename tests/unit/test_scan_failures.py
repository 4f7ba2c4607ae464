from typing import Any

import pytest

from mooring.errors import (
    ChildExited,
    ConnectionGone,
    InvalidConfig,
    LimitReached,
    MooringError,
    ScanFailed,
    SessionNotFound,
    StartFailed,
    Unauthorized,
    WorkerUnavailable,
)
from mooring.scan_failures import LAZY_LOADING, explained, of_answer, of_status


def ended(*stderr: str, code: int | None = 1, **data: Any) -> ScanFailed:
    """Return what is told of a server that printed `stderr` and exited."""
    known = {"exitCode": code, "stderr": list(stderr), **data}
    found = explained(
        StartFailed("the server exited with code 1 before its first message", known), "initialize"
    )
    assert isinstance(found, ScanFailed)
    return found


WANTING = [
    "Error: BRAVE_API_KEY environment variable is required",
    "Please set GITHUB_PERSONAL_ACCESS_TOKEN",
    "Missing required environment variables: NOTION_TOKEN",
    "KeyError: 'OPENAI_API_KEY'",
    "API key not provided",
    "ValueError: SLACK_BOT_TOKEN must be set",
    "No API token found. Please provide one",
    "usage: server [-h] --api-key API_KEY",
    "server.py: error: the following arguments are required: --connection-string",
    "Usage: mcp-server-postgres <database-url>",
    "ValidationError: 1 validation error for Settings\napi_key\n  Field required [type=missing]",
    'ZodError: [{ "code": "invalid_type", "expected": "string", "path": ["apiKey"], "message": "Required" }]',
    "HTTP 401 Unauthorized",
    "Authentication failed: check your credentials",
    "Error: config file not found: give one with --config",
    "Please provide a database URL as a command-line argument",
]


@pytest.mark.parametrize("line", WANTING)
def test_a_server_that_ends_for_want_of_configuration_is_told_to_do_without(line: str) -> None:
    failed = ended("Starting…", line)

    assert (failed.needs, failed.advice) == ("config", LAZY_LOADING)
    assert "for want of configuration" in failed.message


OTHERS = {
    "TypeError: Cannot read properties of undefined (reading 'map')": "by hand",
    "Segmentation fault": "by hand",
    "RuntimeError: maximum recursion depth exceeded": "by hand",
    "database is locked": "by hand",
    "ModuleNotFoundError: No module named 'requests'": "dependencies",
    "ImportError: cannot import name 'FastMCP' from 'mcp.server'": "dependencies",
    "Error: Cannot find module '@modelcontextprotocol/sdk/server/index.js'": "dependencies",
    "Error [ERR_MODULE_NOT_FOUND]: Cannot find package 'zod' imported from /x/index.js": "dependencies",
    "Error: /x/better_sqlite3.node: invalid ELF header": "platform",
    "ImportError: libGL.so.1: cannot open shared object file: No such file": "platform",
    "Error: was compiled against a different Node.js version using NODE_MODULE_VERSION 115": "platform",
    "/lib/libc.so.6: version `GLIBC_2.38' not found": "platform",
    "Server listening on http://localhost:3000/mcp": "stdio",
}


@pytest.mark.parametrize(("line", "advice"), OTHERS.items())
def test_every_other_end_has_a_next_step_of_its_own(line: str, advice: str) -> None:
    failed = ended(line)

    assert failed.needs is None
    assert advice in failed.advice


def test_what_is_missing_is_named() -> None:
    assert "requests" in ended("ModuleNotFoundError: No module named 'requests'").message
    assert "BRAVE_API_KEY" in ended(WANTING[0]).message


@pytest.mark.parametrize(
    ("data", "advice"),
    [
        ({"exitCode": 127}, "Correct the command"),
        ({"exitCode": 126}, "Correct the command"),
        ({}, "Correct the command"),
        ({"signal": "SIGKILL", "outOfMemory": True}, "memory"),
        ({"signal": "SIGSEGV"}, "platform"),
        ({"signal": "SIGILL"}, "platform"),
        ({"exitCode": 0}, "read MCP from its stdin"),
    ],
)
def test_how_it_ended_says_what_to_do(data: dict[str, Any], advice: str) -> None:
    found = explained(ChildExited("it ended", data), "initialize")
    assert isinstance(found, ScanFailed) and advice in found.advice
    assert {**data, "advice": found.advice} == found.data


def test_a_reader_who_may_not_see_what_it_printed_is_told_how_it_ended() -> None:
    found = explained(
        StartFailed("the server exited with code 1 before its first message", {"exitCode": 1}), "x"
    )
    assert found.message == "the server exited with code 1 before its first message"


def test_a_configuration_that_does_not_fit_wants_another() -> None:
    errors = [{"pointer": "/apiKey", "reason": "is required"}]
    found = explained(InvalidConfig("config does not fit", {"errors": errors}), "the connection")
    assert isinstance(found, ScanFailed)
    assert (found.needs, (found.data or {})["errors"]) == ("config", errors)


@pytest.mark.parametrize(
    "error", [Unauthorized("no"), WorkerUnavailable("no"), LimitReached("no"), SessionNotFound("no")]
)
def test_what_says_nothing_about_the_server_stays_what_it_is(error: MooringError) -> None:
    assert explained(error, "initialize") is error


def test_a_connection_that_is_gone_is_told_with_what_was_waited_for() -> None:
    found = explained(ConnectionGone("closed"), "tools/list")
    assert isinstance(found, ScanFailed) and "tools/list" in found.message


def test_an_answer_that_wants_a_key_is_known_by_its_data_too() -> None:
    assert of_answer("Internal error", {"reason": "API key required"}, "tools/list").needs == "config"
    assert of_answer("Internal error", None, "tools/list").needs is None


STATUSES: list[tuple[int, dict[str, str], str | None, str, str]] = [
    (
        401,
        {"www-authenticate": 'Bearer resource_metadata="https://a.test/m"'},
        "auth",
        "Bearer",
        "access token",
    ),
    (401, {}, "auth", "credential", "API key"),
    (401, {"www-authenticate": "Basic"}, "auth", "credential", "API key"),
    (403, {}, None, "403", "401"),
    (403, {"content-type": "text/html"}, None, "403", "bot protection"),
    (429, {}, None, "too often", "minutes"),
    (302, {"location": "https://login.test/"}, None, "https://login.test/", "address"),
    (200, {"content-type": "text/html; charset=utf-8"}, None, "web page", "/mcp"),
    (404, {"content-type": "text/html"}, None, "web page", "/mcp"),
    (404, {}, None, "no MCP endpoint", "/mcp"),
    (405, {}, None, "no MCP endpoint", "SSE"),
    (502, {}, None, "fails", "log"),
]


@pytest.mark.parametrize(("status", "headers", "needs", "message", "advice"), STATUSES)
def test_a_status_is_told_with_what_it_means(
    status: int, headers: dict[str, str], needs: str | None, message: str, advice: str
) -> None:
    found = of_status(status, headers)
    assert found
    assert found.needs == needs
    assert message in found.message and advice in found.advice
    assert found.data and found.data["status"] == status


def test_where_to_authorize_is_handed_on() -> None:
    found = of_status(401, {"www-authenticate": 'Bearer error="x", resource_metadata="https://a.test/m"'})
    assert found and found.data and found.data["resourceMetadata"] == "https://a.test/m"


@pytest.mark.parametrize("status", [0, 200, 400])
def test_a_status_that_says_nothing_leaves_it_to_the_answer(status: int) -> None:
    assert of_status(status, {"content-type": "application/json"}) is None

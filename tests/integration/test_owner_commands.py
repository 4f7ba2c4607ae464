"""`mooring claim`, `claims` and `profile` against the registry's app, with a web and a DNS."""

import fcntl
import os
import pty
import select
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from mooring.claims import Claims
from mooring.keys import Principal
from mooring.registry_api import create_app
from mooring_cli.__main__ import mooring as command
from mooring_local import tables
from tests.integration.registry import LAUNCH, Registry, publish, serving
from tests.unit import public_world
from tests.unit.public_world import PublicWorld

pytestmark = pytest.mark.integration

SECRET = "sk-9f8e7d6c"
PATIENCE_SECONDS = 20.0
Run = Callable[..., Result]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PublicWorld]:
    with public_world.running(tmp_path_factory.mktemp("world")) as world:
        yield world


@pytest.fixture(scope="module")
def url(running_registry: Registry, world: PublicWorld) -> Iterator[str]:
    one = running_registry
    claims = Claims(one.dynamodb, tables.name("catalog"), one.editor, one.keys, world.proofs)
    app = create_app(
        one.catalog,
        one.editor,
        one.keys,
        one.tickets,
        one.profiles,
        claims=claims,
        ws_url="wss://host",
        public_url="https://host",
    )
    with serving(app) as url:
        yield url


@pytest.fixture
def ada(running_registry: Registry, url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Run a command as ada, a publisher."""
    _, key = running_registry.keys.create("ada", "publisher", "ada")
    monkeypatch.setenv("MOORING_URL", url)
    about = {"source": {"registry": "r"}, "repository": "https://github.com/acme/weather"}
    schema = {
        "type": "object",
        "properties": {"apiKey": {"type": "string"}, "port": {"type": "integer"}},
        "required": ["apiKey"],
    }
    release = {"launch": LAUNCH, "configSchema": schema}
    publish(running_registry.client(), "acme/weather", **about, release=release)

    def run(*arguments: str, typed: str | None = None) -> Result:
        return CliRunner().invoke(command, arguments, input=typed, env={"MOORING_API_KEY": key})

    yield run
    running_registry.forget_servers()


@pytest.fixture
def admin(running_registry: Registry, ada: Run) -> Run:
    variables = {"MOORING_API_KEY": running_registry.admin_key}
    return lambda *arguments: CliRunner().invoke(command, arguments, env=variables)


def test_a_claim_is_made_proven_and_told(ada: Run, world: PublicWorld) -> None:
    asked = ada("claim", "acme/weather")
    assert asked.exit_code == 0, asked.output
    where, what = (line.split(maxsplit=1)[1] for line in asked.stdout.splitlines()[1:])
    assert where == "mooring-claim.txt at the top of the default branch of https://github.com/acme/weather"
    assert "Next: mooring claim acme/weather --verify" in asked.stderr
    world.pages["https://raw.githubusercontent.com/acme/weather/HEAD/mooring-claim.txt"] = what
    assert ada("claim", "acme/weather", "--verify").stdout == "acme/weather is yours: you are ada\n"
    again = ada("claim", "acme/weather")
    assert (again.exit_code, "is yours already" in again.stderr) == (1, True)


def test_a_proof_that_is_not_there_is_told_with_what_was_found(ada: Run, world: PublicWorld) -> None:
    world.forget()
    ada("claim", "acme/weather")
    refused = ada("claim", "acme/weather", "--verify")
    assert refused.exit_code == 1
    assert "mooring-claim.txt: status 404" in refused.stderr
    assert "Next: Put the line where it belongs" in refused.stderr


def test_an_admin_lists_approves_and_rejects(ada: Run, admin: Run) -> None:
    waits = ada("claim", "acme/weather", "--method", "operator", "--message", "it is mine")
    assert waits.stdout == "Your request waits for an operator of this Mooring\n"
    assert "acme/weather  ada" in admin("claims", "list").stdout
    assert admin("claims", "reject", "acme/weather", "ada").exit_code == 0
    assert admin("claims", "approve", "acme/weather", "ada").exit_code == 1
    ada("claim", "acme/weather", "--method", "operator")
    assert admin("claims", "approve", "acme/weather", "ada").exit_code == 0
    assert "acme" in ada("whoami").stdout
    assert ada("claims", "list").exit_code == 1


STORED: dict[str, tuple[tuple[str, ...], str | None, dict[str, Any]]] = {
    "values": (
        ("apiKey=abc", "server.port=80", "on=true"),
        None,
        {"apiKey": "abc", "server": {"port": 80}, "on": True},
    ),
    "JSON": (("--config", '{"a": [1]}'), None, {"a": [1]}),
    "JSON and a value over it": (("--config", '{"a": 1, "b": 2}', "a=3"), None, {"a": 3, "b": 2}),
    "JSON from stdin": (("--from-stdin",), '{"apiKey": "abc"}', {"apiKey": "abc"}),
    "a secret from stdin": (("apiKey", "--from-stdin"), "12345\n", {"apiKey": "12345"}),
    "a secret from stdin, deep": (("a.b", "--from-stdin", "c=1"), "true", {"a": {"b": "true"}, "c": 1}),
    "typed by the server's schema": (
        ("apiKey=123", "port=80", "--server", "acme/weather"),
        None,
        {"apiKey": "123", "port": 80},
    ),
    "a number that is read": (
        ("apiKey=1", "port", "--from-stdin", "--server", "acme/weather"),
        "80",
        {"apiKey": "1", "port": 80},
    ),
}


@pytest.mark.parametrize(("arguments", "typed", "config"), STORED.values(), ids=STORED.keys())
def test_a_profile_is_stored_as_it_is_meant(
    running_registry: Registry,
    ada: Run,
    arguments: tuple[str, ...],
    typed: str | None,
    config: dict[str, Any],
) -> None:
    done = ada("profile", "set", "work", *arguments, typed=typed)
    assert (done.exit_code, done.output) == (0, "")
    assert running_registry.profiles.get(Principal("ada", frozenset(), ""), "work") == config


def test_what_is_stored_is_never_shown(ada: Run, running_registry: Registry) -> None:
    ada("profile", "set", "work", "apiKey", "--from-stdin", typed=SECRET)
    for arguments in (("profile", "list"), ("profile", "list", "--json"), ("whoami", "--json")):
        shown = ada(*arguments)
        assert shown.exit_code == 0
        assert SECRET not in shown.output
    assert ada("profile", "list").stdout == "work\n"
    rows = running_registry.dynamodb.scan(TableName=tables.name("profiles"))["Items"]
    assert SECRET not in repr(rows)
    assert ada("profile", "remove", "work").exit_code == 0
    assert ada("profile", "list").stdout == ""


def test_a_configuration_that_does_not_fit_is_not_stored_and_not_repeated(ada: Run) -> None:
    refused = ada("profile", "set", "bad", "port=" + SECRET, "--server", "acme/weather")
    assert refused.exit_code == 1
    assert "| /apiKey: is required" in refused.stderr
    assert "| /port: must be of type integer" in refused.stderr
    assert SECRET not in refused.output
    assert ada("profile", "list").stdout == ""


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((), "nothing to store"),
        (("apiKey",), "apiKey has no value"),
        (("a", "b", "--from-stdin"), "the value of one KEY"),
        (("--config", "{}", "--from-stdin"), "the value of one KEY"),
        (("=1",), "is no KEY"),
        (("a=1", "a=2"), "there twice"),
        (("a=1", "a"), "there twice"),
    ],
)
def test_what_cannot_be_meant_is_refused(ada: Run, arguments: tuple[str, ...], reason: str) -> None:
    refused = ada("profile", "set", "work", *arguments)
    assert refused.exit_code in (1, 2)
    assert reason in refused.output


def test_a_secret_that_is_typed_is_not_shown(running_registry: Registry, url: str, tmp_path: Path) -> None:
    _, key = running_registry.keys.create("ada", "publisher", "typist")
    terminal, side = pty.openpty()
    variables = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "MOORING_URL": url,
        "MOORING_API_KEY": key,
    }
    typing = subprocess.Popen(
        [sys.executable, "-m", "mooring_cli", "profile", "set", "work", "apiKey"],
        stdin=side,
        stdout=side,
        stderr=side,
        env=variables,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(side)
    try:
        shown = read_until(terminal, b"apiKey: ")
        os.write(terminal, b"12345\n")
        shown += read_until(terminal, b"")
        assert typing.wait(10) == 0, shown
    finally:
        typing.kill()
        typing.wait()
        os.close(terminal)
    assert b"12345" not in shown
    of_typist = Principal("typist", frozenset(), "")
    assert running_registry.profiles.get(of_typist, "work") == {"apiKey": "12345"}


def read_until(terminal: int, text: bytes) -> bytes:
    """Read until a text was shown, or until the end if it is empty."""
    shown = b""
    while not text or text not in shown:
        ready, _, _ = select.select([terminal], [], [], PATIENCE_SECONDS)
        assert ready, shown
        try:
            part = os.read(terminal, 4096)
        except OSError:  # how Linux tells that the other side is closed
            part = b""
        if not part:
            return shown
        shown += part
    return shown

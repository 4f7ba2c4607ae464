import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from click.testing import CliRunner, Result

from mooring.settings import configuration_folder
from mooring_cli.__main__ import mooring as command
from tests.unit.cli.hand_made import KEY, HandMade, entry

Run = Callable[..., Result]


@pytest.fixture
def elsewhere(platform: HandMade, tmp_path: Path) -> HandMade:
    """A Mooring of another place: nothing runs in the home."""
    (tmp_path / "run.json").unlink()
    platform.ws_url = platform.url.replace("http", "ws")
    platform.servers["acme/weather"] = entry("acme/weather", {})
    return platform


def login(url: str, key: str) -> Result:
    return CliRunner().invoke(command, ["login", url], input=key)


def file() -> Path:
    return configuration_folder() / "credentials.json"


def test_the_commands_go_where_one_has_logged_in(run: Run, elsewhere: HandMade) -> None:
    assert run("list").exit_code == 1
    done = login(elsewhere.url + "/", KEY + "\n")
    assert done.exit_code == 0, done.output
    assert "ada      read, connect, publish  acme" in done.stdout
    assert KEY not in done.output
    assert "acme/weather" in run("list").stdout
    assert run("url", "acme/weather").stdout.startswith(f"{elsewhere.ws_url}/acme/weather/ws")


def test_the_file_is_for_its_user_alone(elsewhere: HandMade) -> None:
    before = os.umask(0)
    try:
        login(elsewhere.url, KEY)
    finally:
        os.umask(before)
    assert stat.S_IMODE(file().stat().st_mode) == 0o600
    assert stat.S_IMODE(file().parent.stat().st_mode) == 0o700


def test_a_file_that_others_may_read_is_not_used(run: Run, elsewhere: HandMade) -> None:
    login(elsewhere.url, KEY)
    file().chmod(0o640)
    refused = run("list")
    assert refused.exit_code == 1
    assert f"chmod 600 {file()}" in refused.stderr
    assert KEY not in refused.output


def test_a_file_of_something_else_says_what_to_do(run: Run) -> None:
    file().parent.mkdir(parents=True)
    file().write_text("[]")
    file().chmod(0o600)
    assert f"Next: Remove it: rm {file()}" in run("list").stderr


def test_a_key_that_is_none_is_not_kept(elsewhere: HandMade) -> None:
    refused = login(elsewhere.url, "mk_other")
    assert (refused.exit_code, refused.stderr.splitlines()[0]) == (1, "Error: no such key")
    assert not file().exists()
    for text in ("", "\n", "two words", "é"):
        assert "no API key" in login(elsewhere.url, text).stderr


def test_a_key_that_may_not_read_is_kept_too(elsewhere: HandMade) -> None:
    elsewhere.scopes = ["publish"]
    assert login(elsewhere.url, KEY).exit_code == 0
    assert ("GET", "/servers") not in elsewhere.asked


@pytest.mark.parametrize(
    "url", ["acme.test", "ftp://acme.test", "https://", "https://me@acme.test", "http://acme.test"]
)
def test_an_address_that_would_lose_the_key_is_refused(url: str) -> None:
    """Before anything is asked: a host that is not there would take seconds."""
    refused = login(url, KEY)
    assert refused.exit_code == 1
    assert "https" in refused.stderr.splitlines()[1]


def test_what_is_no_mooring_is_told_apart() -> None:
    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "6")
            self.end_headers()
            self.wfile.write(b"<html>")

        def log_message(self, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        refused = login(f"http://127.0.0.1:{server.server_address[1]}", KEY)
        server.shutdown()
        thread.join()
    assert "does not answer as a Mooring" in refused.stderr


def test_the_local_mooring_needs_no_address_and_no_key(
    run: Run, platform: HandMade, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("login").exit_code == 0
    monkeypatch.setenv("MOORING_HOME", str(tmp_path / "another"))
    assert run("list").exit_code == 0
    assert ("GET", "/whoami") in platform.asked
    assert run("url", "acme/weather").stdout.startswith(platform.ws_url)


def test_without_a_local_mooring_an_address_is_asked_for(run: Run, elsewhere: HandMade) -> None:
    refused = run("login")
    assert (refused.exit_code, refused.stderr.splitlines()[0]) == (1, "Error: Mooring is not running here")
    assert "mooring login <url>" in refused.stderr


class TestOrder:
    """MOORING_URL, then what runs here, then the login."""

    def test_the_environment_comes_first(
        self, run: Run, platform: HandMade, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        login(platform.url, KEY)
        monkeypatch.setenv("MOORING_URL", "http://127.0.0.1:1")
        monkeypatch.setenv("MOORING_API_KEY", KEY)
        assert "cannot be reached" in run("list").stderr

    def test_an_address_in_the_environment_takes_the_key_of_a_login_to_it(
        self, run: Run, elsewhere: HandMade, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        login(elsewhere.url, KEY)
        monkeypatch.setenv("MOORING_URL", elsewhere.url + "/")
        assert run("list").exit_code == 0
        monkeypatch.setenv("MOORING_URL", "http://127.0.0.1:1")
        assert "No API key for http://127.0.0.1:1" in run("list").stderr

    def test_what_runs_here_comes_before_the_login(
        self, run: Run, platform: HandMade, tmp_path: Path
    ) -> None:
        kept = {"current": "http://127.0.0.1:1", "logins": {}}
        kept["logins"] = {"http://127.0.0.1:1": {"wsUrl": "ws://127.0.0.1:1", "apiKey": "mk_x"}}
        file().parent.mkdir(parents=True)
        file().write_text(json.dumps(kept))
        file().chmod(0o600)
        assert run("list").exit_code == 0
        (tmp_path / "run.json").unlink()
        assert "cannot be reached" in run("list").stderr

    def test_what_has_ended_without_a_word_does_not_run_here(
        self, run: Run, platform: HandMade, tmp_path: Path
    ) -> None:
        ended = subprocess.Popen([sys.executable, "-c", ""])
        ended.wait()
        login(platform.url, KEY)
        stale = {"url": "http://127.0.0.1:1", "ws_url": "", "api_key": "", "pid": ended.pid}
        (tmp_path / "run.json").write_text(json.dumps(stale))
        assert run("list").exit_code == 0


def test_logout_forgets_the_key(run: Run, elsewhere: HandMade) -> None:
    login(elsewhere.url, KEY)
    assert run("logout").exit_code == 0
    assert KEY not in file().read_text()
    assert "not running here" in run("list").stderr
    assert run("logout").stderr.splitlines()[0] == "Error: You are not logged in"
    login(elsewhere.url, KEY)
    assert run("logout", "https://acme.test").exit_code == 1
    assert run("logout", elsewhere.url).exit_code == 0


def test_whoami_says_where_and_as_whom(run: Run, platform: HandMade) -> None:
    shown = json.loads(run("whoami", "--json").stdout)
    assert shown.items() >= {"url": platform.url, "principal": "ada", "namespaces": ["acme"]}.items()
    assert run("whoami").stdout.splitlines()[1].startswith(f"{platform.url}  ada")


@pytest.mark.parametrize(
    ("given", "expected"),
    [({"XDG_CONFIG_HOME": "/x"}, Path("/x/mooring")), ({"XDG_CONFIG_HOME": "x"}, None), ({}, None)],
)
def test_the_folder_is_the_users(given: dict[str, str], expected: Path | None) -> None:
    assert configuration_folder(given) == (expected or Path.home() / ".config" / "mooring")

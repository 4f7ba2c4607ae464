"""The README's commands and its client, run as they stand there."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stack import Stack

pytestmark = pytest.mark.integration
ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Started with `make up`, as the README says."""
    stack = Stack(tmp_path_factory.mktemp("readme") / "home", ["make", "-C", ROOT, "up"])
    try:
        stack.start()
        yield stack
        stack.stop()
        assert stack.processes() == []
    except BaseException:
        stack.kill()
        raise


def run(stack: Stack, command: str) -> str:
    variables = {**os.environ, "MOORING_HOME": str(stack.home), "VIRTUAL_ENV_DISABLE_PROMPT": "1"}
    done = subprocess.run(
        ["sh", "-c", command],
        cwd=ROOT,
        env=variables,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stderr}{done.stdout}"
    return done.stdout


def test_the_two_commands_are_the_first_ones() -> None:
    assert [block.strip() for block in blocks("sh")[:2]] == ["make up", "make test"]
    subprocess.run(["make", "-n", "-C", ROOT, "test"], capture_output=True, check=True)


def test_every_mooring_command_of_the_readme_does_what_it_says(stack: Stack) -> None:
    """On the way, the public servers of npm and PyPI that it names are hosted for real."""
    block = next(block for block in blocks("sh") if "mooring add" in block)
    activate, *commands = block.strip().splitlines()
    outputs = {command: run(stack, f"{activate}; {command}") for command in commands}
    printed = {shlex.split(command)[1]: text for command, text in outputs.items()}
    assert "demo/everything" in printed["list"]
    assert "echo" in printed["tools"]
    assert '"timezone": "Europe/Lisbon"' in printed["call"]
    assert "demo/clock" in printed["search"]
    assert "create_entities" in printed["deploy"]


def test_the_client_of_the_readme_gets_an_answer(stack: Stack, tmp_path: Path) -> None:
    (snippet,) = blocks("python")
    program = snippet.replace("ws://127.0.0.1:8484", stack.ws_url).replace("mk_…", stack.api_key)
    assert program.count(stack.api_key) == 1
    (tmp_path / "client.py").write_text(program, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, tmp_path / "client.py"], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Europe/Lisbon" in done.stdout

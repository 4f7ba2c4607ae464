"""The `commandFunction` of a `smithery.yaml`: JavaScript that says how a server is started.

It is a stranger's. `mooring.command_function_engine` evaluates it in a process that lives for one answer, has
an empty environment, limits of its own, no I/O beyond its pipes, and gets the configuration as JSON, never as
part of the source. The answer is checked here like everything that comes from outside.
"""

import importlib.util
import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mooring.errors import StartFailed

SECONDS = 5.0  # for the whole process; its own limits end it long before on a machine that is not overloaded

_MAX_ANSWER_BYTES = 1024 * 1024
_MAX_ITEMS = 512  # arguments, or variables
_WHY = {
    "time": "did not come to an end in time",
    "memory": "used more memory than it may",
    "stack": "calls itself too deep",
    "size": "returned more than a command line",
    "unsettled": "returned a promise that is never fulfilled",
}


class _Number(str):
    """With the digits that JavaScript wrote."""

    __slots__ = ()


@dataclass(frozen=True)
class Command:
    """What a function answered. All of it may hold secrets of the configuration, hence no repr."""

    command: str = field(repr=False)
    args: tuple[str, ...] = field(repr=False)
    env: dict[str, str] = field(repr=False)


def argv() -> tuple[str, ...]:
    """Return the command line of the program that evaluates one function.

    Raises:
        StartFailed: the JavaScript engine is not installed here.
    """
    engine = importlib.util.find_spec("quickjs")
    if engine is None or engine.origin is None:
        raise StartFailed("a commandFunction cannot be evaluated here: install quickjs-ng")
    program = Path(__file__).with_name("command_function_engine.py")
    return (sys.executable, "-I", "-S", str(program), str(Path(engine.origin).parents[1]))


def evaluate(source: str, config: Mapping[str, Any]) -> Command:
    """Evaluate `source` in a process of this user.

    Raises:
        StartFailed: says why there is no command; never a value of `config`.
    """
    process = subprocess.Popen(
        argv(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={},
        cwd="/",
        start_new_session=True,
    )
    return ask(process, source, config)


def ask(process: subprocess.Popen[bytes], source: str, config: Mapping[str, Any]) -> Command:
    """Give the question to a `process` of `argv`, wait for its answer and end it; blocks up to `SECONDS`.

    Raises:
        StartFailed: says why there is no command; never a value of `config`.
    """
    question = json.dumps({"source": source, "config": config}).encode()
    try:
        answer, _ = process.communicate(question, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        raise _failed(_WHY["time"]) from None
    finally:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe:
                pipe.close()
    return read(answer)


def read(answer: bytes) -> Command:
    """Check what the program wrote.

    Raises:
        StartFailed: it is an error, or not `{command, args, env}` of texts.
    """
    if not answer:
        raise _failed("broke the JavaScript engine, or used more than it may")
    try:
        if len(answer) > _MAX_ANSWER_BYTES:
            raise _failed(_WHY["size"])
        document = json.loads(answer, parse_int=_Number, parse_float=_Number)
    except (ValueError, RecursionError):
        raise _failed("returned something that cannot be read") from None
    if not isinstance(document, dict):
        raise _failed("returned something that cannot be read")
    if "error" in document:
        raise _failed(_explained(document))
    return _command(document.get("value"), document.get("env"))


def _explained(document: dict[str, Any]) -> str:
    kind = str(document["error"])
    if kind == "syntax":
        detail = "".join(c for c in str(document.get("detail")) if c.isprintable())[:200]
        return f"is not JavaScript: line {document.get('line')}: {detail}"
    if kind == "threw":
        name = str(document.get("name"))
        return _WHY["memory"] if name == "InternalError" else f"threw {name}; does the configuration fit it?"
    return _WHY.get(kind, "failed")


def _command(value: object, shim: object) -> Command:
    if isinstance(value, str) and not isinstance(value, _Number):
        with suppress(ValueError):
            value = shlex.split(value)
    if isinstance(value, list):
        value = {"command": value[0] if value else None, "args": value[1:]}
    if not isinstance(value, dict):
        raise _failed("returned no object {command, args, env}")
    command = value.get("command")
    if not isinstance(command, str) or isinstance(command, _Number) or not command or "\0" in command:
        raise _failed("returned no command, which must be a text")
    arguments = value.get("args")
    arguments = [] if arguments is None else arguments
    if not isinstance(arguments, list) or len(arguments) > _MAX_ITEMS:
        raise _failed(f"returned args that are no list of at most {_MAX_ITEMS} texts")
    texts = [_text(f"args[{i}]", argument) for i, argument in enumerate(arguments) if argument is not None]
    return Command(command, tuple(texts), {**_variables(shim), **_variables(value.get("env"))})


def _variables(env: object) -> dict[str, str]:
    env = {} if env is None else env
    if not isinstance(env, dict) or len(env) > _MAX_ITEMS:
        raise _failed(f"returned an env that is no object of at most {_MAX_ITEMS} texts")
    for name in env:
        if not name or "=" in name or "\0" in name:
            raise _failed("returned an env with a name that no variable can have")
    return {name: _text("a variable of env", value) for name, value in env.items() if value is not None}


def _text(where: str, value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str) or "\0" in value or not _is_unicode(value):
        raise _failed(f"returned something for {where} that is no text")
    return str(value)


def _is_unicode(text: str) -> bool:
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def _failed(why: str) -> StartFailed:
    return StartFailed(f"the release's commandFunction {why}")

"""What a Dockerfile says about how its image is started (no I/O)."""

import json
import re
from dataclasses import dataclass

PORT = 8081  # where an image of type http is told to listen, in PORT

_INSTRUCTION = re.compile(r"\s*([A-Za-z]+)\s+(.*)", re.DOTALL)
_PORT_ASKED = re.compile(r"\bPORT\b")


@dataclass(frozen=True)
class Image:
    command: tuple[str, ...]
    """ENTRYPOINT and CMD of the last stage, as they are executed together; empty: the base image's own."""
    listens: bool
    """It exposes a port, or has one in its environment."""


def parse(text: str) -> Image:
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    listens = is_shell_entrypoint = False
    for line in _instructions(text):
        found = _INSTRUCTION.fullmatch(line)
        if not found:
            continue
        name, value = found[1].upper(), found[2].strip()
        if name == "FROM":
            entrypoint, command, listens, is_shell_entrypoint = (), (), False, False
        elif name == "ENTRYPOINT":
            entrypoint, is_shell_entrypoint = _words(value)
            command = ()
        elif name == "CMD":
            command, _ = _words(value)
        elif name == "EXPOSE" or (name == "ENV" and _PORT_ASKED.search(value)):
            listens = True
    return Image(entrypoint if is_shell_entrypoint else entrypoint + command, listens)


def _instructions(text: str) -> list[str]:
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    return re.sub(r"[\\`][ \t]*\n", " ", "\n".join(lines)).splitlines()


def _words(value: str) -> tuple[tuple[str, ...], bool]:
    """Return what is executed and whether a shell does it."""
    try:
        words = json.loads(value)
    except ValueError:
        words = None
    if isinstance(words, list) and all(isinstance(word, str) for word in words):
        return tuple(words), False
    return ("/bin/sh", "-c", value), True

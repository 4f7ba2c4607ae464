"""The `smithery.yaml` that says what was found in a folder."""

from pathlib import Path
from typing import Any

import yaml

from mooring_local import recognition
from mooring_local.plans import NoPlan


def written(folder: Path) -> tuple[str, str]:
    """Return the text for `folder`, and how its start was found.

    Raises:
        NoPlan: nothing in it says how it is started.
    """
    found = recognition.recognise(folder, folder)
    if found.rule is None:
        raise NoPlan(
            found.reason.partition(": add a smithery.yaml")[0],
            "Write smithery.yaml by hand: startCommand with type: stdio, command and args",
        )
    start: dict[str, Any] = {"type": "http" if found.kind == "container-http" else "stdio"}
    document: dict[str, Any] = {}
    if found.kind == "container-http":
        document = {"runtime": "container", "build": {"dockerfile": "Dockerfile", "dockerBuildPath": "."}}
    else:
        start |= {"command": found.rule["command"], "args": found.rule["args"]}
    start["configSchema"] = {"type": "object", "properties": {}}
    document["startCommand"] = start
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True), found.reason

"""Sources that say themselves exactly what they are: the same for ever, without a look at them (no I/O)."""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

_COMMIT = re.compile("[0-9a-f]{40}")
_EXACT = {
    "npm": re.compile(r"(@[^@/]+/)?[^@/]+@[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?"),
    "pypi": re.compile(r"[A-Za-z0-9._-]+(\[[^\]]*\])?==[0-9][0-9A-Za-z.!+]*"),
}


def fixed(source: Mapping[str, Any]) -> str | None:
    """Return what a source is known by; None: it may mean something else tomorrow."""
    match source["type"]:
        case "upload":
            is_fixed = not source["name"].endswith(".json")  # which may name the latest of a package
        case "git":
            is_fixed = bool(_COMMIT.fullmatch(source.get("ref") or ""))
        case "npm" | "pypi":
            is_fixed = bool(_EXACT[source["type"]].fullmatch(source["spec"]))
        case _:
            is_fixed = False
    if not is_fixed:
        return None
    return f"source:{hashlib.sha256(json.dumps(source, sort_keys=True).encode()).hexdigest()}"

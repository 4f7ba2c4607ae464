"""The Lambda handlers of `functions/`, loaded into this process as they are."""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

FUNCTIONS = Path(__file__).resolve().parents[2] / "functions"

Handler = Callable[[dict[str, Any], Any], dict[str, Any]]


def load(function: str) -> Handler:
    """Return the handler of `functions/{function}/app.py`."""
    handler: Handler = module(function).handler
    return handler


def module(function: str) -> ModuleType:
    """Import `functions/{function}/app.py` anew, as a cold start does: importing it builds its clients."""
    path = FUNCTIONS / function / "app.py"
    spec = importlib.util.spec_from_file_location(f"functions.{function}.app", path)
    assert spec and spec.loader, path
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded

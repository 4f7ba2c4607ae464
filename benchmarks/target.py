"""What is measured: something that puts a client in touch with the child."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from benchmarks.child import Child
from benchmarks.processes import Processes
from benchmarks.session import Session


@dataclass(frozen=True)
class Running:
    """A target that was started."""

    processes: Processes
    session: Callable[[], Session]


@dataclass(frozen=True)
class Target:
    name: str
    way: str
    """How the client talks to it."""
    has_own_children: bool
    """Each session has a child of its own, by design; the report has the count as well."""
    start: Callable[[Child], AbstractAsyncContextManager[Running]]
    version: str = ""

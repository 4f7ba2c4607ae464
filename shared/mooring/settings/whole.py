"""The environment as a whole: what children are given of it, and what this process adds."""

import os
from collections.abc import Mapping, MutableMapping


def inherited(names: tuple[str, ...], environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the variables of the environment that a child may have, and nothing else."""
    return {name: environ[name] for name in names if name in environ}


def whole(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return all of the environment, for a command of ours that is started as the user would start it."""
    return dict(environ)


def publish(values: Mapping[str, str]) -> None:
    """Set variables of this process, for the function handlers that the local run loads into it."""
    os.environ.update(values)


def one_blas_thread(environ: MutableMapping[str, str] = os.environ) -> None:
    """Have numpy, once it is imported, multiply in the calling thread alone, unless it is told otherwise.

    On a busy machine two threads that wait for each other took thirty times as long as one.
    """
    environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def path_first(folder: str, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the whole environment with `folder` first in its PATH, for tools that work for the operator."""
    return {**environ, "PATH": f"{folder}{os.pathsep}{environ.get('PATH', '')}"}

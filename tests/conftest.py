import signal
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from xdist.scheduler import LoadScopeScheduling

# A machine that is busy with child processes is slow now and then; that is no failure.
hypothesis.settings.register_profile("mooring", deadline=None)
hypothesis.settings.load_profile("mooring")

# A shell starts what it puts into the background with Ctrl-C ignored, and children inherit that: tests that
# press it would wait for ever.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


TESTS = Path(__file__).parent
# Each of these has one thing for all its files that takes long to make: the build and the deployment.
WHOLE_FOLDERS = ("cloud",)
SLOW_FOLDERS = ("cloud", "integration")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start with what takes long."""
    items.sort(key=lambda item: item.path.relative_to(TESTS).parts[0] not in SLOW_FOLDERS)


class ByFile(LoadScopeScheduling):  # type: ignore[misc]
    """How processes share the tests: a file stays whole, as its tests share what fixtures started."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return next((folder for folder in WHOLE_FOLDERS if f"/{folder}/" in file), file)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    # Not `--dist loadgroup`: pytest 9.2 does not take the names of groups that xdist 3.8 gives to tests.
    return ByFile(config, log)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"

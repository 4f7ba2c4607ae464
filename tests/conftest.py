import signal
from pathlib import Path

import hypothesis
import pytest

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
    """Say what must stay in one process when several run the tests, and start with what takes long.

    A file stays whole: its tests share what its fixtures started.
    """
    for item in items:
        parts = item.path.relative_to(TESTS).parts
        item.add_marker(pytest.mark.xdist_group(parts[0] if parts[0] in WHOLE_FOLDERS else "/".join(parts)))
    items.sort(key=lambda item: item.path.relative_to(TESTS).parts[0] not in SLOW_FOLDERS)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"

import hypothesis
import pytest

# A machine that is busy with child processes is slow now and then; that is no failure.
hypothesis.settings.register_profile("mooring", deadline=None)
hypothesis.settings.load_profile("mooring")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"

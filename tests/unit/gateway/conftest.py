from typing import Any

import pytest


@pytest.fixture(scope="session", params=[False, True], ids=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    """The local run uses uvloop, whose transports differ in small ways from asyncio's."""
    return "asyncio", {"use_uvloop": request.param}

"""What each deployable loads when it starts: the cost of every cold start and of every session."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
REGISTRY_ONLY = ("fastapi", "starlette", "pydantic", "mcp", "mangum", "uvicorn")
# Only for a server that has a configSchema, and for a profile that a local key seals.
ON_DEMAND = ("jsonschema", "cryptography")
# What takes longer to load than all the rest of a function. Powertools imports the empty package `botocore`
# where it is there; whatever is of use in it comes with urllib3.
AWS_SDK = ("boto3", "urllib3")
HANDLER_FORBIDDEN = (*REGISTRY_ONLY, *ON_DEMAND, *AWS_SDK, "numpy", "msgspec", "httptools", "uvloop")
WORKER_FORBIDDEN = (*REGISTRY_ONLY, *ON_DEMAND, *AWS_SDK, "botocore", "aiohttp", "numpy")
OTHER_DEPLOYABLES = ("mooring_worker", "mooring_local", "mooring_cli")


def loaded_by(statement: str, folder: Path = ROOT) -> set[str]:
    """Return the top-level names of the modules that `statement` loads in a fresh interpreter."""
    environment = {
        "PATH": os.environ["PATH"],
        "AWS_DEFAULT_REGION": "us-east-1",
        "MOORING_CONNECTIONS_URL": "https://connections.test/live",
        "MOORING_KMS_KEY_ID": "key",
        "MOORING_WORKER_SECRET": "secret",
    }
    program = f"{statement}\nimport sys\nprint(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


@pytest.mark.parametrize("function", ["ws_connect", "ws_default", "ws_disconnect", "session_reaper"])
def test_a_handler_of_the_message_path_loads_nothing_it_does_not_need(function: str) -> None:
    loaded = loaded_by("import app", ROOT / "functions" / function)
    assert loaded & {*HANDLER_FORBIDDEN, *OTHER_DEPLOYABLES} == set()


def test_the_registry_loads_no_other_deployable() -> None:
    loaded = loaded_by("import app", ROOT / "functions" / "registry_api")
    assert loaded & {*OTHER_DEPLOYABLES, "mcp", "dns"} == set()


def test_the_worker_loads_nothing_of_aws_and_nothing_of_the_registry() -> None:
    loaded = loaded_by("import mooring_worker.__main__")
    assert loaded & {*WORKER_FORBIDDEN, "mooring_local", "mooring_cli"} == set()

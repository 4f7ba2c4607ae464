"""A Mooring whose builds run elsewhere."""

import sys
from collections.abc import Iterator

import pytest

from tests import cloud_builds
from tests.cloud_builds import BUCKET, World
from tests.integration import registry
from tests.integration.registry import Registry

if sys.platform != "linux":  # as CodeBuild's machines are
    collect_ignore_glob = ["test_*.py"]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with registry.running(tmp_path_factory.mktemp("registry")) as one:
        with one.emulator.client("s3") as client:
            client.create_bucket(Bucket=BUCKET)
        yield one


@pytest.fixture
def world(served: Registry) -> Iterator[World]:
    with cloud_builds.running(served) as one:
        yield one

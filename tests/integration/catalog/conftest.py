"""A catalog of its own for each test, on one emulator."""

from collections.abc import Iterator
from typing import Any

import pytest

from mooring.catalog import Catalog
from mooring.catalog_editor import CatalogEditor
from mooring_local import tables
from tests import emulator
from tests.integration.catalog.world import Clock, Put
from tests.integration.registry import put_server


@pytest.fixture(scope="module")
def dynamodb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with emulator.running(tmp_path_factory.mktemp("emulator")) as aws, aws.client("dynamodb") as client:
        yield client


@pytest.fixture
def catalog(dynamodb: Any) -> Iterator[Catalog]:
    tables.create(dynamodb)
    yield Catalog(dynamodb, tables.name("catalog"), tables.name("usage"))
    for table in dynamodb.list_tables()["TableNames"]:
        dynamodb.delete_table(TableName=table)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def editor(catalog: Catalog, dynamodb: Any, clock: Clock) -> CatalogEditor:
    return CatalogEditor(dynamodb, tables.name("catalog"), clock)


@pytest.fixture
def put(catalog: Catalog, dynamodb: Any) -> Put:
    return lambda name, release=None, **stated: put_server(dynamodb, name, release, **stated)

"""The OpenAPI document and the API agree: Schemathesis finds nothing."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from mooring import openapi
from mooring.claim_proofs import Proofs
from mooring.claims import Claims
from mooring.indexing import CatalogIndexer
from mooring.logs_api import ChildLogs
from mooring.openapi_answers import ANSWERS
from mooring.registry_api import create_app
from mooring.registry_search import RegistrySearch
from mooring.search.blobs import FolderBlobs
from mooring.search.reader import IndexReader
from mooring.server_views import ServerViews
from mooring.workers import WorkerClient, WorkerTable
from mooring_local import tables
from tests.integration.registry import LAUNCH, Registry, publish, serving
from tests.unit.search_world import BagOfWords

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
EXAMPLES = 10
_RUN_SECONDS = 180.0


@pytest.fixture(scope="module")
def app(running_registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    """The whole API, with a server that can be found."""
    one, blobs = running_registry, FolderBlobs(tmp_path_factory.mktemp("index"))
    http = one.client()
    publish(http, "acme/weather", description="Forecasts", release={"launch": LAUNCH})
    tools = [{"name": "forecast", "inputSchema": {"type": "object"}}]
    http.patch("/servers/acme/weather", json={"tools": tools}).raise_for_status()
    CatalogIndexer(one.catalog, blobs, BagOfWords()).rebuild()
    views = ServerViews("wss://host", "https://host")
    yield create_app(
        one.catalog,
        one.editor,
        one.keys,
        one.tickets,
        one.profiles,
        ChildLogs(
            WorkerTable(one.dynamodb, tables.name("workers")), WorkerClient("secret", timeout_seconds=1)
        ),
        RegistrySearch(one.catalog, views, IndexReader(blobs, BagOfWords())),
        claims=Claims(one.dynamodb, tables.name("catalog"), one.editor, one.keys, Proofs.public()),
        ws_url="wss://host",
        public_url="https://host",
    )
    one.forget_servers()


def test_what_all_routes_have_in_common_is_said_once() -> None:
    app = FastAPI()
    openapi.install(app)

    @app.get("/_/health")
    def health() -> None: ...

    @app.delete("/servers/{qualified_name:path}")
    def delete(qualified_name: str, force: bool | None = None) -> None: ...

    document = app.openapi()
    operation = document["paths"]["/servers/{owner}/{name}"]["delete"]
    owner, name, force = operation["parameters"]
    assert (owner["name"], name["name"]) == ("owner", "name")
    assert re.fullmatch(owner["schema"]["pattern"], "io.github.acme")
    assert not re.fullmatch(owner["schema"]["pattern"], "a/b")
    assert "anyOf" not in force["schema"]
    for status, response in operation["responses"].items():
        if status != "200":
            assert response == {"$ref": f"#/components/responses/{status}"}
            assert document["components"]["responses"][status]["description"]


def test_every_answer_is_described(app: FastAPI) -> None:
    operations = {
        (method, path): operation
        for path, item in app.openapi()["paths"].items()
        for method, operation in item.items()
    }
    with_a_body = {which for which, operation in operations.items() if "204" not in operation["responses"]}
    assert with_a_body == set(ANSWERS)
    assert all({"401", "422", "429"} <= set(operation["responses"]) for operation in operations.values())


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("OPTIONS", "/servers/acme/weather", "GET, PUT, PATCH, DELETE"),
        ("PUT", "/servers/acme/weather/transfer", "POST"),
        ("PUT", "/servers/batch", "POST"),
        ("DELETE", "/servers/acme/weather/logs", "GET"),
        ("PATCH", "/keys", "GET, POST"),
    ],
)
def test_a_method_that_is_not_possible_is_told_which_are(
    app: FastAPI, running_registry: Registry, method: str, path: str, allowed: str
) -> None:
    headers = {"Authorization": f"Bearer {running_registry.admin_key}"}
    answer = TestClient(app).request(method, path, headers=headers)
    assert (answer.status_code, answer.headers["Allow"]) == (405, allowed)


@pytest.mark.parametrize(
    "selection",
    [
        # Among the keys it would find is its own.
        pytest.param(["--exclude-name", "DELETE /keys/{key_id}"], id="all but the revocation of keys"),
        pytest.param(["--include-name", "DELETE /keys/{key_id}"], id="the revocation of keys"),
    ],
)
def test_schemathesis_finds_nothing(
    app: FastAPI, running_registry: Registry, tmp_path: Path, selection: list[str]
) -> None:
    config = str(ROOT / "schemathesis.toml")
    program = [sys.executable, "-m", "schemathesis.cli", "--config-file", config, "run"]
    options = ["--no-color", "--seed=1", f"--max-examples={EXAMPLES}", "--generation-database=none"]
    with serving(app) as url:
        run = subprocess.run(
            [
                *program,
                f"{url}/openapi.json",
                f"--header=Authorization: Bearer {running_registry.admin_key}",
                *options,
                *selection,
            ],
            cwd=tmp_path,
            env={**os.environ, "PYTHONWARNINGS": "ignore"},
            capture_output=True,
            text=True,
            timeout=_RUN_SECONDS,
            check=False,
        )
    assert run.returncode == 0, run.stdout + run.stderr

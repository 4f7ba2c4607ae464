"""The record of a release as it is kept (`mooring.releases`)."""

from dataclasses import replace

from mooring.releases import ReleaseRecord, failed, live, record_from_item, record_item
from mooring.servers import Release, Server

RELEASE = Release(
    id="r1", created_at="2026", launch={"command": "node"}, bundle="b", config_schema={"type": "object"}
)
RECORD = ReleaseRecord(
    server="acme/weather",
    id="r1",
    source={"type": "npm", "spec": "weather"},
    principal="ada",
    scopes=("publish", "read"),
    created_at="2026-11-30T00:00:00.000Z",
    updated_at="2026-11-30T00:00:00.000Z",
)
SERVER = Server(qualified_name="Acme/weather", display_name="", created_at="", updated_at="", version=1)
OFFERS = {"tools": [{"name": "forecast", "inputSchema": {"type": "object"}}], "prompts": []}


def test_a_record_is_read_as_it_was_written() -> None:
    full = replace(
        RECORD,
        status="WORKING",
        stage="scan",
        release=RELEASE,
        offers=OFFERS,
        changes=[{"name": "forecast"}],
        error={"message": "m"},
        attempts=2,
        is_cached=True,
    )
    for record in (RECORD, full):
        assert record_from_item(record_item(record)) == record


def test_large_offers_are_kept_small() -> None:
    tool = {"name": "t", "description": "says the same again " * 50, "inputSchema": {"type": "object"}}
    item = record_item(replace(RECORD, offers={"tools": [tool] * 300}))
    assert len(item["offers"]["B"]) < 10_000


def test_a_failure_says_only_what_there_is_to_say() -> None:
    assert failed(RECORD, "FAILURE", {"message": "m", "advice": "", "details": []}).error == {"message": "m"}


def test_what_is_live_is_what_was_scanned_of_the_release() -> None:
    changes = live(SERVER, replace(RECORD, release=RELEASE, offers=OFFERS))
    assert changes == {**OFFERS, "resources": [], "release": RELEASE}


def test_what_runs_elsewhere_is_live_as_a_remote() -> None:
    record = replace(
        RECORD,
        type="external_shttp",
        source={"type": "external", "url": "https://host/mcp", "configSchema": {"type": "object"}},
        offers=OFFERS,
    )
    changes = live(SERVER, record)
    assert changes["remotes"] == ({"type": "http", "url": "https://host/mcp"},)
    assert changes["config_schema"] == {"type": "object"}
    assert "release" not in changes

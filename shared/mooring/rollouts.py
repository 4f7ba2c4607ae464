"""What becomes of a release once it is built: it is scanned, compared with what is live, and published.

It is scanned through the platform, as its publisher and under its own id, before anybody else can reach it.
"""

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

from mooring import placeholders, releases, surface
from mooring.catalog import Catalog
from mooring.catalog_editor import CatalogEditor
from mooring.clock import Clock
from mooring.errors import MooringError, ScanFailed
from mooring.keys import Principal
from mooring.release_log import ReleaseLog
from mooring.release_table import ReleaseTable
from mooring.releases import Document, ReleaseRecord, Stage, Status, failed
from mooring.scanning import Scan
from mooring.servers import Release, Server
from mooring.tickets import TicketTable
from mooring.url import connect_url

SHOWN_CHANGES = 20

ScanHere = Callable[[str | Callable[[], str], dict[str, str]], Awaitable[Scan]]
ScanElsewhere = Callable[[str, dict[str, str]], Awaitable[Scan]]
"""Scan what is at a URL, with those headers; both raise ScanFailed, or another MooringError."""


class Rollout:
    """`scan` is of servers that run here, `scan_elsewhere` of those at an address; `kept` of each stay."""

    def __init__(
        self,
        releases: ReleaseTable,
        catalog: Catalog,
        editor: CatalogEditor,
        tickets: TicketTable,
        ws_url: str,
        scan: ScanHere,
        scan_elsewhere: ScanElsewhere,
        *,
        kept: int = 20,
        clock: Clock = time.time,
    ) -> None:
        self._releases = releases
        self._catalog = catalog
        self._editor = editor
        self._tickets = tickets
        self._ws_url = ws_url
        self._scan = scan
        self._scan_elsewhere = scan_elsewhere
        self._kept = kept
        self._clock = clock

    async def finish(
        self, record: ReleaseRecord, about: Document, scan: Document, log: ReleaseLog
    ) -> ReleaseRecord:
        """Take a release that is built to its end; return the record as it is then.

        `about` is what the package says of itself: `description`, `homepage`, `exampleConfig`. `scan` is
        what it is to be scanned with: `config`, or `headers` for a server elsewhere.

        Raises:
            Cancelled: meanwhile.
        """
        try:
            server = self._catalog.record(record.server, is_latest=True)
            if server is None or server.deleted_at:
                return self._end(record, "FAILURE", "the server was deleted meanwhile", log)
            record = self._at(record, "scan", log)
            found = await self._scanned(record, server, about, scan, log)
            record = self._at(replace(record, **_of_scan(found)), "metadata", log)
            record = replace(record, changes=self._compared(server, record, log))
            log.end(f"protocol {found.protocol_version} ({found.era})")
            record = self._at(record, "publish", log)  # not if it was cancelled
            self._publish(record, server, {**about, "serverInfo": found.server_info})
            log.write("publish", "success", f"{server.qualified_name} is live as release {record.id}")
            return self._end(record, "SUCCESS", "", log)
        except ScanFailed as error:
            status: Status = "AUTH_REQUIRED" if error.needs == "auth" else "FAILURE_SCAN"
            return self._end(record, status, error.message, log, error.advice, _stderr(error))
        except MooringError as error:
            status = "FAILURE_SCAN" if record.stage == "scan" else "FAILURE"
            return self._end(record, status, error.message, log)

    async def _scanned(
        self, record: ReleaseRecord, server: Server, about: Document, scan: Document, log: ReleaseLog
    ) -> Scan:
        if record.source["type"] == "external":
            found = await self._scan_elsewhere(record.source["url"], scan.get("headers") or {})
        else:
            found = await self._scanned_here(record, server, about, scan.get("config"), log)
        counts = [f"{len(items)} {name}" for name, items in found.offers.items()]
        log.end("Found " + (", ".join(counts) or "neither tools, prompts nor resources"))
        return found

    async def _scanned_here(
        self, record: ReleaseRecord, server: Server, about: Document, given: Document | None, log: ReleaseLog
    ) -> Scan:
        assert record.release, "it was built"
        self._editor.keep_release(server, record.release)
        config = _config(record.release, about) if given is None else given
        how = _made_up(config) if given is None else "as you configured it"
        log.write("scan", "info", f"Starting it {how}")
        # A key that may only publish can have its release scanned all the same.
        by = Principal(record.principal, frozenset({*record.scopes, "connect"}), "release")
        address = connect_url(self._ws_url, server.qualified_name)

        def url() -> str:
            return f"{address}?ticket={self._tickets.create(by, config)}&release={record.id}"

        return await self._scan(url, {})

    def _compared(self, server: Server, record: ReleaseRecord, log: ReleaseLog) -> list[Document]:
        if server.tools is None and server.prompts is None and server.resources is None:
            return []  # it was never scanned
        changes = [change.as_json() for change in surface.diff(server.offers, record.offers or {})]
        for change in changes[:SHOWN_CHANGES]:
            breaks = " (breaking)" if change["isBreaking"] else ""
            log.write("metadata", "info", f"{change['kind']} {change['name']}: {change['change']}{breaks}")
        if len(changes) > SHOWN_CHANGES:
            log.write("metadata", "info", f"and {len(changes) - SHOWN_CHANGES} more changes")
        return changes

    def _publish(self, record: ReleaseRecord, server: Server, about: Document) -> None:
        by = Principal(record.principal, frozenset(record.scopes), "release")
        self._editor.patch(server.name, releases.live(server, record) | _described(server, about), by)
        for old in self._releases.prune(server.name, self._kept, but={record.id}):
            self._editor.forget_release(server.name, old.id)

    def _at(self, record: ReleaseRecord, stage: Stage, log: ReleaseLog) -> ReleaseRecord:
        log.begin(stage)
        return self._releases.save(replace(record, stage=stage))

    def _end(
        self,
        record: ReleaseRecord,
        status: Status,
        message: str,
        log: ReleaseLog,
        advice: str = "",
        details: Sequence[str] = (),
    ) -> ReleaseRecord:
        if message:
            for line in details:
                log.write(record.stage, "info", line)
            log.fail(record.stage, message, advice)
            error = {"message": message, "advice": advice, "details": list(details)}
            record = failed(record, status, error)
        log.flush()  # before the status: who waits for that reads no more
        return self._releases.save(replace(record, status=status))


def _of_scan(found: Scan) -> dict[str, Any]:
    return {
        "offers": found.offers,
        "surface": surface.digest(found.offers),
        "protocol_version": found.protocol_version,
    }


def _stderr(error: ScanFailed) -> list[str]:
    """Return the last lines that the server printed, if that is why."""
    lines = (error.data or {}).get("stderr") or []
    return lines.splitlines() if isinstance(lines, str) else [str(line) for line in lines]


def _config(release: Release, about: Document) -> Document:
    """Return what to start a server with that nobody has configured yet."""
    example: Document | None = about.get("exampleConfig")
    made = placeholders.config(release.config_schema or {})
    return made if example is None else {**made, **example}


def _made_up(config: Document) -> str:
    return f"with placeholders for {', '.join(sorted(config))}" if config else "without configuration"


def _described(server: Server, about: Document) -> dict[str, Any]:
    """Return what the package says of itself, where the publisher has said nothing."""
    own = server.qualified_name.partition("/")[2]
    info = about.get("serverInfo") or {}
    said = {
        "display_name": info.get("title") if server.display_name in ("", own) else "",
        "description": (info.get("description") or about.get("description"))
        if not server.description
        else "",
        "homepage": about.get("homepage") if not server.homepage else "",
        "repository": about.get("repository") if not server.repository else "",
    }
    return {name: text for name, text in said.items() if isinstance(text, str) and text}

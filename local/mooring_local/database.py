"""The tables of the local run: the emulator that holds them, and the journal that outlives it."""

from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from mooring.observability import logger
from mooring.sigv4 import Credentials
from mooring_local import processes, tables
from mooring_local.emulator import Emulator, EmulatorFailed
from mooring_local.journal import Journal


class Database:
    """Begins to start when it is made; `state` is the journal's folder."""

    def __init__(self, credentials: Credentials, state: Path, log: Path) -> None:
        self._state = state
        self._emulator = Emulator(
            processes.free_port(),
            log,
            credentials.access_key,
            credentials.secret_key,
            # Whoever runs on this machine, a server or a build too, reaches its port: not without this key.
            variables={
                "AUTH": "true",
                "AWS_ACCESS_KEY_ID": credentials.access_key,
                "AWS_SECRET_ACCESS_KEY": credentials.secret_key,
            },
        )
        self._journal: Journal | None = None

    @property
    def url(self) -> str:
        return self._emulator.url

    @property
    def pid(self) -> int:
        return self._emulator.process.pid

    @property
    def has_died(self) -> bool:
        return self._emulator.process.poll() is not None

    def open(self) -> None:
        """Return when the tables hold what the journal has kept, and their changes are followed.

        Raises:
            EmulatorFailed: it did not start.
            BotoCoreError, ClientError: it does not answer any more.
        """
        self._emulator.wait_until_ready()
        self.client = self._emulator.client("dynamodb")
        names = {noun: tables.name(noun) for noun in tables.create(self.client)}
        self._journal = Journal(self.client, self._emulator.client("dynamodbstreams"), self._state, names)
        self._journal.restore()
        self._journal.start()

    def start_again(self) -> None:
        """Replace an emulator that has died. `reopen` is to follow."""
        self._emulator.start_again()

    def reopen(self) -> None:
        """Give the tables of a new emulator what the journal has kept; kill one that does not take it."""
        try:
            self._end_journal()
            self.open()
        except (EmulatorFailed, BotoCoreError, ClientError):
            logger.exception("tables not restored")
            self._emulator.process.kill()

    def sync(self) -> None:
        """Return when everything acknowledged so far is on disk; raises BotoCoreError, ClientError."""
        assert self._journal, "open"
        self._journal.sync()

    def stop(self) -> None:
        """End the emulator; the journal has everything by then."""
        self._end_journal()
        self._emulator.stop()

    def _end_journal(self) -> None:
        if self._journal:
            self._journal.stop()
            self._journal = None

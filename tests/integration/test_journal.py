"""The journal against the real emulator: what was written is there after everything was killed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mooring_local import processes, tables
from mooring_local.emulator import Emulator
from mooring_local.journal import Journal

pytestmark = pytest.mark.integration


class Machine:
    """An emulator and a journal in `folder`; `crash` ends the emulator as a power cut would."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.start()

    def start(self) -> None:
        self.emulator = Emulator(processes.free_port(), self._folder / "emulator.log", "AKID", "secret")
        self.emulator.wait_until_ready()
        self.dynamodb = self.emulator.client("dynamodb")
        streamed = tables.create(self.dynamodb)
        self.journal = Journal(
            self.dynamodb,
            self.emulator.client("dynamodbstreams"),
            self._folder / "state",
            {noun: tables.name(noun) for noun in streamed},
        )
        self.journal.restore()
        self.journal.start()

    def stop(self) -> None:
        self.journal.stop()
        self.emulator.process.kill()
        self.emulator.process.wait()
        if self.emulator.process.stdin:
            self.emulator.process.stdin.close()

    def put(self, **attributes: str) -> None:
        item: dict[str, Any] = {name: {"S": value} for name, value in attributes.items()}
        self.dynamodb.put_item(TableName="mooring-catalog", Item={**item, "sealed": {"B": b"\x00\xff"}})

    def names(self) -> dict[str, Any]:
        items = self.dynamodb.scan(TableName="mooring-catalog")["Items"]
        return {item["server"]["S"]: item for item in items}


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    machine = Machine(tmp_path)
    yield machine
    machine.stop()


def test_what_was_written_is_there_after_the_emulator_lost_its_memory(machine: Machine) -> None:
    for n in range(60):  # more than one batch of the restore
        machine.put(server=f"acme/s{n}", item="server", text="é")
    machine.dynamodb.delete_item(
        TableName="mooring-catalog", Key={"server": {"S": "acme/s7"}, "item": {"S": "server"}}
    )
    machine.put(server="acme/s8", item="server", text="changed")
    machine.stop()

    machine.start()

    found = machine.names()
    assert set(found) == {f"acme/s{n}" for n in range(60)} - {"acme/s7"}
    assert found["acme/s8"]["text"] == {"S": "changed"}
    assert found["acme/s9"]["sealed"] == {"B": b"\x00\xff"}


def test_a_line_that_a_crash_tore_apart_loses_only_itself(machine: Machine, tmp_path: Path) -> None:
    machine.put(server="acme/whole", item="server")
    machine.stop()
    with (tmp_path / "state" / "catalog.jsonl").open("ab") as file:
        file.write(b'{"keys": {"server": {"S": "acme/torn"')

    machine.start()
    machine.put(server="acme/after", item="server")
    machine.stop()
    machine.start()

    assert set(machine.names()) == {"acme/whole", "acme/after"}


def test_the_files_do_not_grow_with_changes_that_no_longer_matter(machine: Machine, tmp_path: Path) -> None:
    for n in range(50):
        machine.put(server="acme/one", item="server", text=str(n))
    machine.stop()
    path = tmp_path / "state" / "catalog.jsonl"
    assert len(path.read_bytes().splitlines()) == 50

    machine.start()

    assert len(path.read_bytes().splitlines()) == 1

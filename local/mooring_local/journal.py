"""Keeps what must outlive a crash: an append-only file per table, fed by the table's stream.

The emulator holds its tables in memory. Every change of a table with a stream is written here and
synced to disk within `_POLL_SECONDS`, so that what was acknowledged more than a second ago survives `kill -9`
of every process. A file is one JSON object per line, `{"keys": …, "item": … | null}`, the last one of a
key wins; it is compacted when it is read at the next start.
"""

import base64
import json
import os
import threading
from pathlib import Path
from typing import Any, BinaryIO

from botocore.exceptions import BotoCoreError, ClientError

from mooring.observability import logger

_POLL_SECONDS = 0.25
_BATCH = 25  # of BatchWriteItem

Item = dict[str, Any]


class Journal:
    """`nouns` name the tables; `table_name` gives the name of each."""

    def __init__(self, dynamodb: Any, streams: Any, folder: Path, tables: dict[str, str]) -> None:
        self._dynamodb = dynamodb
        self._streams = streams
        self._folder = folder
        self._tables = tables
        self._files: dict[str, BinaryIO] = {}
        self._positions: dict[str, str] = {}
        self._writing = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="journal", daemon=True)

    def restore(self) -> None:
        """Load every table from its file, compact the file, and take up the streams from here."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for noun, table in self._tables.items():
            path = self._folder / f"{noun}.jsonl"
            entries = _last_of_each_key(path)
            self._load(table, [entry["item"] for entry in entries])
            _write_whole(path, entries)
            self._files[noun] = path.open("ab")
            self._positions[noun] = self._after_restore(table)

    def start(self) -> None:
        self._thread.start()

    def sync(self) -> None:
        """Return when everything acknowledged so far is on disk.

        Raises:
            BotoCoreError, ClientError: the emulator does not answer.
        """
        with self._writing:
            for noun in self._positions:
                while self._append(noun):
                    pass

    def stop(self) -> None:
        """Write what the streams still hold, and end."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        for file in self._files.values():
            file.close()

    def _load(self, table: str, items: list[Item]) -> None:
        for start in range(0, len(items), _BATCH):
            puts = [{"PutRequest": {"Item": item}} for item in items[start : start + _BATCH]]
            pending = {table: puts}
            while pending:
                pending = self._dynamodb.batch_write_item(RequestItems=pending).get("UnprocessedItems")

    def _after_restore(self, table: str) -> str:
        arn = self._dynamodb.describe_table(TableName=table)["Table"]["LatestStreamArn"]
        shards = self._streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
        position: str = self._streams.get_shard_iterator(
            StreamArn=arn, ShardId=shards[-1]["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        while True:  # skip what restore itself has written
            answer = self._streams.get_records(ShardIterator=position)
            position = answer["NextShardIterator"]
            if not answer["Records"]:
                return position

    def _follow(self) -> None:
        while True:
            stopping = self._stopping.wait(_POLL_SECONDS)  # read before the last look at the streams
            try:
                self.sync()
            except (BotoCoreError, ClientError):
                logger.warning("journal cannot read the streams")
            if stopping:
                return

    def _append(self, noun: str) -> int:
        answer = self._streams.get_records(ShardIterator=self._positions[noun])
        changes = [record["dynamodb"] for record in answer["Records"]]
        if changes:
            file = self._files[noun]
            file.writelines(_line(change["Keys"], change.get("NewImage")) for change in changes)
            file.flush()
            os.fsync(file.fileno())
        self._positions[noun] = answer["NextShardIterator"]
        return len(changes)


def _line(keys: Item, item: Item | None) -> bytes:
    return json.dumps({"keys": keys, "item": item}, default=_text_of_bytes).encode() + b"\n"


def _text_of_bytes(value: object) -> str:
    assert isinstance(value, bytes), "DynamoDB's own types are JSON but for binary"
    return base64.b64encode(value).decode()


def _bytes_of_text(value: dict[str, Any]) -> dict[str, Any]:
    binary = value.get("B")
    return {"B": base64.b64decode(binary)} if isinstance(binary, str) else value


def _last_of_each_key(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    last: dict[str, dict[str, Any]] = {}
    for line in path.read_bytes().splitlines():
        try:
            entry = json.loads(line, object_hook=_bytes_of_text)
        except ValueError:
            logger.warning("journal has a torn line, cut off by a crash", table=path.stem)
            continue
        key = json.dumps(entry["keys"], sort_keys=True, default=_text_of_bytes)
        last.pop(key, None)
        if entry["item"] is not None:
            last[key] = entry
    return list(last.values())


def _write_whole(path: Path, entries: list[dict[str, Any]]) -> None:
    fresh = path.with_suffix(".new")
    with fresh.open("wb") as file:
        file.writelines(_line(entry["keys"], entry["item"]) for entry in entries)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)

"""The indexer's process: `python -m mooring_local.indexer`, with the variables of functions.

It ends when its standard input closes, or when anything goes wrong: who started it starts another one, which
begins with what this one has missed.
"""

import contextlib
import ctypes
import gc
import os
import sys
import threading
import time
from pathlib import Path

import boto3

from mooring.clock import iso8601
from mooring.indexing import CatalogIndexer
from mooring.settings import Settings
from mooring_local import handlers
from mooring_local.indexer.folder import IndexFolder
from mooring_local.table_stream import ENOUGH, TableStream

_NICE = 10  # sessions and searches come first
_POLL_SECONDS = 0.15
_REST_SECONDS = 2.0
"""It rests as long as indexing has taken, up to this: an import comes in few large pieces, not many small."""
_MARGIN_SECONDS = 5.0
"""Between the time in a record and its arrival in the stream."""


def main() -> None:
    os.nice(_NICE)
    stopping = threading.Event()
    threading.Thread(target=_hear_the_end, args=(stopping,), daemon=True).start()
    settings = Settings.read()
    function = handlers.module("catalog_indexer")
    dynamodb, streams = boto3.client("dynamodb"), boto3.client("dynamodbstreams")
    stream = TableStream(dynamodb, streams, settings.catalog_table)
    folder = IndexFolder(Path(settings.search_index))
    at = time.time()
    catch_up(function.indexer, folder)
    folder.mark(at)
    _give_memory_back()
    pause = _POLL_SECONDS
    while not stopping.wait(pause):
        at, begun = time.time(), time.monotonic()
        if records := stream.read():
            function.handler({"Records": records}, None)
            if len(records) < ENOUGH:
                folder.mark(at)
            _give_memory_back()
        pause = max(_POLL_SECONDS, min(_REST_SECONDS, time.monotonic() - begun))


def catch_up(indexer: CatalogIndexer, folder: IndexFolder) -> None:
    """Make the index that of the catalog as it is now, with as little work as that takes."""
    folder.sweep()
    marked = folder.marked()
    if marked is None or not indexer.is_whole():
        indexer.rebuild()
    else:
        indexer.catch_up(iso8601(marked - _MARGIN_SECONDS))


def _give_memory_back() -> None:
    """Return to the system what building took: it idles most of its life."""
    gc.collect()
    with contextlib.suppress(AttributeError):  # only glibc keeps it back
        ctypes.CDLL(None).malloc_trim(0)


def _hear_the_end(stopping: threading.Event) -> None:
    sys.stdin.buffer.read()
    stopping.set()


if __name__ == "__main__":
    main()

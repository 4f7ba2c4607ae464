"""A process that opens an index and asks it: `… -m benchmarks.search_process <folder> <encoder> <queries>`.

Prints JSON: milliseconds from before the imports to the first answer; then, for servers and for tools, the
median, the 95th of 100 and the process's memory in MB.
"""

import time

STARTED = time.perf_counter()

import json  # noqa: E402
import sys  # noqa: E402
from pathlib import Path  # noqa: E402

from mooring.search import models  # noqa: E402
from mooring.search.blobs import FolderBlobs  # noqa: E402
from mooring.search.query import parse  # noqa: E402
from mooring.search.reader import IndexReader  # noqa: E402

ROUNDS = 3
PAGE = 10


def main() -> None:
    folder, encoder, queries = sys.argv[1:]
    index = IndexReader(FolderBlobs(Path(folder)), models.encoder(encoder)).index()
    index.search(parse("send an email"), 0, PAGE)
    figures = [(time.perf_counter() - STARTED) * 1000]
    asked = [
        parse(json.loads(line)["query"]) for line in Path(queries).read_text(encoding="utf-8").splitlines()
    ]
    for search in (index.search, index.search_tools):
        times = []
        for number, query in enumerate(asked * (ROUNDS + 1)):
            started = time.perf_counter()
            search(query, 0, PAGE)
            if number >= len(asked):  # the first round finds everything cold
                times.append((time.perf_counter() - started) * 1000)
        times.sort()
        figures += [times[len(times) // 2], times[int(len(times) * 0.95)], resident_megabytes()]
    print(json.dumps(figures))


def resident_megabytes() -> float:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024


if __name__ == "__main__":
    main()

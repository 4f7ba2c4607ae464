"""A million servers in LanceDB: the prototype of `docs/scale.md`. Nothing imports it.

Needs `pip install lancedb` in an environment of its own: the project does not depend on it. From the
checkout, with `PYTHONPATH=.:shared LANCEDB_LOG=error` and `<data>` as in `make bench-search`:

    python -m benchmarks.search_lancedb build <folder> <data> 1000000
    python -m benchmarks.search_lancedb {ask,compare} <folder> <data>
"""

import importlib
import json
import os
import re
import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice, product
from pathlib import Path
from typing import Any

from benchmarks import search_corpus
from benchmarks.search_process import resident_megabytes
from benchmarks.search_scores import score
from mooring.search import models
from mooring.search.document import Document, Tool
from mooring.search.index import Index
from mooring.search.query import parse
from mooring.search.reading import read

PAGE, CANDIDATES = 10, 200


def build(folder: Path, data: Path, servers: int) -> None:
    lancedb, pyarrow = importlib.import_module("lancedb"), importlib.import_module("pyarrow")
    types = {name: pyarrow.string() for name in ("name", "text", "card")}
    types |= {"is_deployed": pyarrow.bool_(), "vector": pyarrow.list_(pyarrow.float32(), 256)}
    schema = pyarrow.schema(types)
    batches = (pyarrow.RecordBatch.from_pydict(rows, schema) for rows in _rows(data, servers, pyarrow))
    reader = pyarrow.RecordBatchReader.from_batches(schema, batches)
    nearest = lancedb.index.IvfPq(distance_type="cosine", num_sub_vectors=32)
    table = _step("rows", folder, lambda: lancedb.connect(folder).create_table("servers", reader))
    _step("words", folder, lambda: table.create_index("text", config=lancedb.index.FTS(with_position=False)))
    _step("filter", folder, lambda: table.create_index("is_deployed", config=lancedb.index.Bitmap()))
    _step("nearest", folder, lambda: table.create_index("vector", config=nearest))


def _step(name: str, folder: Path, step: Callable[[], Any]) -> Any:
    started = time.perf_counter()
    done = step()
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6
    print(f"{name}: {seconds:.1f} s, {size:.0f} MB so far, peak memory {peak:.0f} MB", flush=True)
    return done


def _rows(data: Path, servers: int, pyarrow: Any) -> Iterator[dict[str, Any]]:
    encoder = models.encoder("static")
    documents = _servers(data, servers)
    while some := list(islice(documents, 10_000)):
        texts = [_text(each) for each in some]
        yield {
            "name": [each.name for each in some],
            "text": texts,
            "card": [json.dumps(each.card) for each in some],
            "is_deployed": [each.is_deployed for each in some],
            "vector": pyarrow.FixedSizeListArray.from_arrays(encoder.encode(texts).ravel(), 256),
        }


def _servers(data: Path, count: int) -> Iterator[Document]:
    """Tools have their names only: a tool's description is found by the tools' own index."""
    full = search_corpus.documents(data / "corpus.jsonl")
    short = [replace(each, tools=tuple(Tool(name=tool.name) for tool in each.tools)) for each in full]
    return search_corpus.enlarged(short, count)


def _text(each: Document) -> str:
    rest = " ".join((*each.keywords, *(tool.name for tool in each.tools)))
    return re.sub("[/_-]", " ", f"{each.display_name}. {each.name} {each.description} {rest}")[:1_000]


class LanceIndex:
    def __init__(self, folder: Path) -> None:
        self.table = importlib.import_module("lancedb").connect(folder).open_table("servers")
        self._encoder = models.encoder("static")

    def search(self, text: str, limit: int, *, deployed: bool = False, is_exact: bool = False) -> list[str]:
        """Return names by reciprocal rank fusion of words and meaning; `is_exact` compares every vector."""
        reading = read(text, self._encoder, [])
        words = " ".join(term.word for term in reading.terms) or text
        query = self.table.search(query_type="hybrid").vector(reading.vector).text(words).refine_factor(10)
        query = query.where("is_deployed", prefilter=True) if deployed else query
        query = query.bypass_vector_index() if is_exact else query
        return [str(row["name"]) for row in query.select(["name", "card"]).limit(limit).to_list()]


def ask(folder: Path, data: Path) -> None:
    for path in filter(Path.is_file, folder.rglob("*")):
        with path.open("rb") as file:  # out of the page cache
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    started = time.perf_counter()
    index = LanceIndex(folder)
    index.search("send an email", PAGE)
    print(f"cold open and first answer: {(time.perf_counter() - started) * 1000:.0f} ms")
    texts = [each.text for each in search_corpus.questions(data / "queries_dev.jsonl")]
    for limit, deployed in product((PAGE, CANDIDATES), (False, True)):
        times = []
        for text in texts * 2:
            started = time.perf_counter()
            index.search(text, limit, deployed=deployed)
            times.append((time.perf_counter() - started) * 1000)
        warm = times[len(texts) :]  # the first round finds everything cold
        p50, p95 = statistics.median(warm), statistics.quantiles(warm, n=20)[-1]
        print(f"{limit=} {deployed=}: {p50:.1f} / {p95:.1f} ms, {resident_megabytes():.0f} MB", flush=True)
    exact = [index.search(text, PAGE, is_exact=True) for text in texts[::3]]
    near = [index.search(text, PAGE) for text in texts[::3]]
    print(f"the same first {PAGE} as with every vector compared: {_shared(exact, near):.3f}")


def compare(folder: Path, data: Path) -> None:
    lance = LanceIndex(folder)
    own = Index.build(_servers(data, lance.table.count_rows()), models.encoder("static"))
    questions = search_corpus.questions(data / "queries_dev.jsonl")
    best = [[hit.name for hit in own.search(parse(each.text), 0, PAGE).hits] for each in questions]
    found = [lance.search(each.text, CANDIDATES) for each in questions]
    for name, answers in (("Mooring", best), ("LanceDB", found)):
        print(f"nDCG@10, {name}: {statistics.fmean(score(questions, answers).ndcg):.3f}")
    for count in (PAGE, CANDIDATES):
        print(f"our first 10 among its {count}: {_shared(best, [names[:count] for names in found]):.3f}")


def _shared(wanted: list[list[str]], found: list[list[str]]) -> float:
    """Return the mean share of the wanted that was found."""
    pairs = zip(wanted, found, strict=True)
    return statistics.fmean(len({*names} & {*first}) / len(first) for first, names in pairs if first)


def main() -> None:
    step, folder, data, *servers = sys.argv[1:]
    steps: dict[str, Callable[..., None]] = {"build": build, "ask": ask, "compare": compare}
    steps[step](Path(folder), Path(data), *map(int, servers))


if __name__ == "__main__":
    main()

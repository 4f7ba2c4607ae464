"""`make bench-search`: what finds the right server, and how fast, beside the usual ways (`docs/search.md`).

Reads corpus.jsonl, queries_dev.jsonl and known_item_dev.jsonl from the folder named by the first argument or
SEARCH_DATA.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

from benchmarks import search_baselines, search_corpus
from benchmarks.search_corpus import Question
from benchmarks.search_scores import Scores, score
from mooring.search import models
from mooring.search.blobs import FolderBlobs
from mooring.search.document import Document
from mooring.search.index import Index
from mooring.search.query import parse
from mooring.search.writer import IndexWriter

Search = Callable[[str, int], list[str]]

ROOT = Path(__file__).parents[1]
DATA = ROOT.parent / "shared" / "data" / "search"
ASKED = 50
"""Servers that each query is answered with, for the quality."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.search", description=__doc__)
    parser.add_argument("data", nargs="?", type=Path, default=Path(os.environ.get("SEARCH_DATA") or DATA))
    parser.add_argument("--encoders", default="static", help="static,minilm; default: static")
    parser.add_argument("--large", type=int, default=100_000, metavar="N", help="servers; 0: leave it out")
    options = parser.parse_args()
    if not (options.data / "corpus.jsonl").exists():
        print(f"There is no corpus.jsonl in {options.data}: nothing is measured. DATA=… names its folder.")
        return
    documents = search_corpus.documents(options.data / "corpus.jsonl")
    questions = search_corpus.questions(options.data / "queries_dev.jsonl")
    known = search_corpus.questions(options.data / "known_item_dev.jsonl")
    encoders = options.encoders.split(",")
    print(quality(documents, questions, known, encoders))
    print(speed(documents, options.data / "queries_dev.jsonl", options.large, encoders))


def quality(
    documents: Sequence[Document], questions: list[Question], known: list[Question], encoders: Iterable[str]
) -> str:
    systems: dict[str, Search] = {
        "substring of the name": search_baselines.Substring(documents).search,
        "SQLite FTS5, BM25, porter": search_baselines.FullText(documents).search,
    }
    for name in encoders:
        index = Index.build(documents, models.encoder(name))
        systems[f"Mooring, {name}"] = partial(names, index)
    types = sorted({question.type for question in questions})
    head = ["", "nDCG@10", "MRR@10", "R@50", "known S@1", "S@10", "p50 ms", "p95 ms", *types]
    rows = []
    for name, search in systems.items():
        answers, times = timed(search, questions)
        scores = score(questions, answers)
        found = score(known, timed(search, known)[0])
        by_type = [mean(questions, scores, each) for each in types]
        figures = [scores.ndcg, scores.reciprocal_rank, scores.recall, found.first, found.in_ten]
        columns = [*map(statistics.fmean, figures), *times, *by_type]
        rows.append([name, *(f"{value:.3f}" for value in columns)])
    return table("Quality", head, rows)


def names(index: Index, q: str, count: int) -> list[str]:
    return [hit.name for hit in index.search(parse(q), 0, count).hits]


def timed(search: Search, questions: Sequence[Question]) -> tuple[list[list[str]], tuple[float, float]]:
    """Return the answers to all questions, and the median and the 95th of 100 times in milliseconds."""
    answers, times = [], []
    for question in questions:
        started = time.perf_counter()
        answers.append(search(question.text, ASKED))
        times.append((time.perf_counter() - started) * 1000)
    times.sort()
    return answers, (times[len(times) // 2], times[int(len(times) * 0.95)])


def mean(questions: Sequence[Question], scores: Scores, kind: str) -> float:
    of_kind = [each for each, question in zip(scores.ndcg, questions, strict=True) if question.type == kind]
    return statistics.fmean(of_kind)


def speed(documents: list[Document], queries: Path, large: int, encoders: Sequence[str]) -> str:
    """Measure indexes on disk, each from a process of its own that opens it and asks for pages of 10."""
    head = ["servers", "encoder", "build s", "MB", "open and first answer ms"]
    head += ["p50 ms", "p95 ms", "RSS MB", "tools p50 ms", "tools p95 ms", "RSS MB"]
    rows = []
    for count in filter(None, (len(documents), large)):
        for encoder in encoders if count == len(documents) else encoders[:1]:
            with tempfile.TemporaryDirectory() as folder:
                started = time.perf_counter()
                writer = IndexWriter(FolderBlobs(Path(folder)), models.encoder(encoder))
                writer.rebuild(search_corpus.enlarged(documents, count))
                seconds = time.perf_counter() - started
                megabytes = sum(path.stat().st_size for path in Path(folder).iterdir()) / 1e6
                command = [sys.executable, "-m", "benchmarks.search_process", folder, encoder, str(queries)]
                answer = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
            figures = [seconds, megabytes, *json.loads(answer.stdout)]
            rows.append([f"{count:,}", encoder, *(f"{figure:.1f}" for figure in figures)])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return (
        table("Speed, of the index alone", head, rows) + f"\nThe building process took {peak:.0f} MB at most."
    )


def table(title: str, head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return f"\n**{title}**\n\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    main()

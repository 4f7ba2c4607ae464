"""How good a ranking is, by the usual measures."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks.search_corpus import Question


@dataclass(frozen=True, slots=True)
class Scores:
    """One number per question."""

    ndcg: list[float] = field(default_factory=list)
    """Of the first 10, gain 2^grade - 1."""
    reciprocal_rank: list[float] = field(default_factory=list)
    """Of the first of the best grade among 10."""
    recall: list[float] = field(default_factory=list)
    """Among 50, of all that is known to be of use."""
    first: list[float] = field(default_factory=list)
    in_ten: list[float] = field(default_factory=list)


def score(questions: Sequence[Question], answers: Sequence[list[str]]) -> Scores:
    scores = Scores()
    for question, names in zip(questions, answers, strict=True):
        grades = [question.grades.get(name, 0) for name in names]
        best = max(question.grades.values())
        ideal = _gain(sorted(question.grades.values(), reverse=True))
        ranks = [rank for rank, grade in enumerate(grades[:10], 1) if grade == best]
        scores.ndcg.append(_gain(grades) / ideal)
        scores.reciprocal_rank.append(1 / ranks[0] if ranks else 0.0)
        scores.recall.append(sum(grade > 0 for grade in grades[:50]) / min(50, len(question.grades)))
        scores.first.append(float(ranks[:1] == [1]))
        scores.in_ten.append(float(bool(ranks)))
    return scores


def _gain(grades: list[int]) -> float:
    return math.fsum((2.0**grade - 1) / math.log2(place + 2) for place, grade in enumerate(grades[:10]))

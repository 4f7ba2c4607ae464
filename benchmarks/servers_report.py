"""The table of `make test-servers`."""

from collections.abc import Sequence
from statistics import median

from benchmarks.trial import Outcome

BEGIN = "<!-- written by make test-servers: begin -->"
END = "<!-- written by make test-servers: end -->"
_HEAD = "| server | what for | source | build, s | start, s | by hand, s | ratio | tools |"
_RULE = "|---|---|---|---:|---:|---:|---:|---:|"


def markdown(outcomes: Sequence[Outcome], machine: str, starts: int) -> str:
    """Return the table, and why what does not work does not."""
    working = [outcome for outcome in outcomes if not outcome.reason]
    ratios = [outcome.ratio for outcome in working if outcome.ratio]
    summary = f"{len(working)} of {len(outcomes)} work"
    if ratios:
        most = max(ratios)
        summary += f"; start against by hand: median {median(ratios):.2f}, largest {most:.2f}"
    failed = [
        f"- {outcome.server.name} (`{outcome.server.source}`): {outcome.server.refused or outcome.reason}"
        for outcome in outcomes
        if outcome.reason
    ]
    blocks = [
        f"{machine}; medians of {starts} starts. {summary}.",
        "\n".join([_HEAD, _RULE, *(_row(outcome) for outcome in working)]),
    ]
    if failed:
        blocks += ["Not working:", "\n".join(failed)]
    return "\n\n".join(blocks)


def described(outcome: Outcome) -> str:
    """Return one line for who waits."""
    name, build = outcome.server.name, _seconds(outcome.build_seconds, 1)
    if outcome.reason:
        return f"{name}: not working, build {build} s: {outcome.reason}"
    start, by_hand = _median(outcome.hosted), _median(outcome.by_hand)
    return f"{name}: build {build} s, start {start} s, by hand {by_hand} s, {outcome.tools} tools"


def written(page: str, table: str) -> str:
    """Return `page` with `table` between its marks.

    Raises:
        ValueError: it has none.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the page has no line {BEGIN} or {END}")
    return f"{before}{begin}\n\n{table}\n\n{end}{after}"


def _row(outcome: Outcome) -> str:
    server = outcome.server
    ratio = "-" if outcome.ratio is None else f"{outcome.ratio:.2f}"
    cells = [
        server.name,
        server.about,
        f"`{server.source}`",
        _seconds(outcome.build_seconds, 1),
        _median(outcome.hosted),
        _median(outcome.by_hand),
        ratio,
        str(outcome.tools),
    ]
    return f"| {' | '.join(cells)} |"


def _median(seconds: Sequence[float]) -> str:
    return _seconds(median(seconds) if seconds else None, 2)


def _seconds(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"

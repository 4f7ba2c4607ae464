"""From the figures of all rounds to markdown tables."""

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.measure import Sheet
from benchmarks.plan import LOADS, ROUND_TRIPS
from benchmarks.target import Target

Round = Mapping[str, Sheet]
"""Name of a target -> its sheet."""


class Summary:
    """The median over the rounds of every figure, and of its ratio to the floor in the same round."""

    def __init__(self, rounds: Sequence[Round], floor: str) -> None:
        self._rounds = rounds
        self._floor = floor

    def value(self, target: str, figure: str) -> float | None:
        values = [
            sheets[target].values[figure]
            for sheets in self._rounds
            if target in sheets and figure in sheets[target].values
        ]
        return statistics.median(values) if values else None

    def ratio(self, target: str, figure: str) -> float | None:
        ratios = []
        for sheets in self._rounds:
            if target not in sheets or self._floor not in sheets:
                continue
            ours, floor = sheets[target].values.get(figure), sheets[self._floor].values.get(figure)
            if ours is not None and floor:
                ratios.append(ours / floor)
        return statistics.median(ratios) if ratios else None

    def roles(self, target: str) -> list[str]:
        """Return the roles of a target's processes."""
        prefix = "rss_mib.base."
        found = {
            name.removeprefix(prefix)
            for sheets in self._rounds
            if target in sheets
            for name in sheets[target].values
            if name.startswith(prefix)
        }
        return sorted(found)

    def errors(self, target: str) -> list[str]:
        return [
            f"round {number}, {error}"
            for number, sheets in enumerate(self._rounds, 1)
            if target in sheets
            for error in sheets[target].errors
        ]

    def as_json(self, targets: Iterable[Target]) -> dict[str, dict[str, float | None]]:
        return {
            target.name: {
                figure: self.value(target.name, figure)
                for sheets in self._rounds
                if target.name in sheets
                for figure in sheets[target.name].values
            }
            for target in targets
        }


@dataclass(frozen=True)
class _Column:
    title: str
    figure: str
    digits: int = 0
    has_ratio: bool = False
    convert: Callable[[float], float] = lambda value: value

    def cell(self, summary: Summary, target: str, role: str = "") -> str:
        value = summary.value(target, self.figure + role)
        if value is None:
            return "-"
        text = f"{self.convert(value):,.{self.digits}f}"
        ratio = summary.ratio(target, self.figure) if self.has_ratio else None
        return text if ratio is None else f"{text} ({ratio:.2f}x)"


def _per_cpu_second(cpu_per_10k: float) -> float:
    return 1e4 / cpu_per_10k if cpu_per_10k else 0.0


_ROUND_TRIPS = [
    column
    for kind in ROUND_TRIPS
    for column in (
        _Column(f"{kind} p50", f"rtt_us.{kind}.p50", has_ratio=True),
        _Column("p95", f"rtt_us.{kind}.p95"),
        _Column("p99", f"rtt_us.{kind}.p99"),
    )
]
_THROUGHPUT = [_Column(load.name, f"calls_per_second.{load.name}", has_ratio=True) for load in LOADS]
_CPU = [
    *(_Column(load.name, f"cpu_per_10k.{load.name}", 2) for load in LOADS),
    _Column("calls per CPU s, 32 x 1", f"cpu_per_10k.{LOADS[1].name}", convert=_per_cpu_second),
]
_SESSIONS = [
    _Column("start p50, ms", "start_ms.p50", 1, has_ratio=True),
    _Column("p95", "start_ms.p95", 1),
    _Column("base RSS, MiB", "rss_mib.base", 1),
    _Column("with all sessions", "rss_mib.many", 1),
    _Column("KiB per session", "session_kib"),
    _Column("children", "children"),
    _Column("foreign answers", "foreign"),
    _Column("boot, s", "boot_seconds", 1),
]
_BY_PROCESS = [
    _Column("base RSS, MiB", "rss_mib.base.", 1),
    _Column("KiB per session", "session_kib."),
    *(_Column(f"CPU s, {load.name}", f"cpu_per_10k.{load.name}.", 2) for load in LOADS),
]


def markdown(targets: Sequence[Target], missing: Mapping[str, str], summary: Summary, sessions: int) -> str:
    """Return all tables. `missing` says of targets that did not run why."""
    ratio = "in brackets the ratio to raw stdio"

    def table(title: str, columns: list[_Column]) -> str:
        rows = [
            [target.name, *(column.cell(summary, target.name) for column in columns)] for target in targets
        ]
        return _grid(title, ["target", *(column.title for column in columns)], rows)

    blocks = [
        _targets(targets, missing),
        table(f"Round trip of tools/call, µs, one session, one call at a time; {ratio}", _ROUND_TRIPS),
        table(f"Throughput, calls/s: sessions x calls in flight, size; {ratio}", _THROUGHPUT),
        table("CPU seconds per 10,000 calls, all processes but the children", _CPU),
        table(f"Sessions, {sessions} of them for memory and children; {ratio}", _SESSIONS),
        _by_process(targets, summary),
        _errors(targets, summary),
    ]
    return "\n\n".join(block for block in blocks if block)


def _targets(targets: Sequence[Target], missing: Mapping[str, str]) -> str:
    rows = [
        [target.name, target.version, target.way, "yes" if target.has_own_children else "no, one for all"]
        for target in targets
    ]
    lines = [f"Not measured: {name}: {reason}" for name, reason in missing.items()]
    head = ["target", "version", "client talks", "a child of its own per session"]
    table = _grid("Targets", head, rows, alignment="---")
    return "\n\n".join([table, *lines])


def _by_process(targets: Sequence[Target], summary: Summary) -> str:
    rows = [
        [f"{target.name}: {role}", *(column.cell(summary, target.name, role) for column in _BY_PROCESS)]
        for target in targets
        for role in summary.roles(target.name)
        if len(summary.roles(target.name)) > 1
    ]
    title = "By process; CPU seconds per 10,000 calls"
    return _grid(title, ["process", *(column.title for column in _BY_PROCESS)], rows) if rows else ""


def _errors(targets: Sequence[Target], summary: Summary) -> str:
    lines = [f"- {target.name}: {error}" for target in targets for error in summary.errors(target.name)]
    return "\n".join(["**Errors**", "", *(lines or ["None."])])


def _grid(title: str, head: list[str], rows: list[list[str]], alignment: str = "---:") -> str:
    rule = "|---" + f"|{alignment}" * (len(head) - 1) + "|"
    lines = [f"| {' | '.join(cells)} |" for cells in [head, *rows]]
    return "\n".join([f"**{title}**", "", lines[0], rule, *lines[1:]])

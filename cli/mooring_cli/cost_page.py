"""The tables of docs/cost.md; `python -m mooring_cli.cost_page` writes them into the page."""

import re
from collections.abc import Sequence
from pathlib import Path

from mooring_cli import costing, prices
from mooring_cli.prices import Item, Prices

PAGE = Path(__file__).resolve().parents[2] / "docs" / "cost.md"
_TABLE = re.compile(r"(<!-- table: ([a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
_Rows = Sequence[Sequence[str]]

PAIRS = 1_000_000
SESSION_HOURS = 1000
MESSAGE_BYTES = 2048


def money(usd: float) -> str:
    return "<0.01" if 0 < usd < 0.005 else f"{usd:,.2f}"


def quantity(item: Item) -> str:
    return f"{item.quantity:,.2f}" if 0 < item.quantity < 100 else f"{item.quantity:,.0f}"


def pairs_table(listed: Prices) -> tuple[Sequence[str], _Rows]:
    by_engine = [costing.pairs(listed, PAIRS, MESSAGE_BYTES, engine) for engine in ("pool", "microvm")]
    return ("item", "pool, USD", "MicroVM, USD"), _side_by_side(by_engine)


def session_hours_table(listed: Prices) -> tuple[Sequence[str], _Rows]:
    rows = []
    for architecture in ("arm64", "x86_64"):
        for slots in (8, 20, 50):
            items = costing.pool(listed, SESSION_HOURS / slots, architecture)
            rows.append((f"pool, {architecture}, {slots} sessions per task", money(costing.total(items))))
    never = costing.microvm(listed, SESSION_HOURS, 0, 0)
    rows.append(("MicroVM, never suspended", money(costing.total(never))))
    for bursts in (6, 2):
        for idle_seconds in (60, 300):
            items = costing.microvm(listed, SESSION_HOURS, bursts, idle_seconds)
            name = f"MicroVM, {bursts} bursts an hour, suspended after {idle_seconds} s"
            rows.append((name, money(costing.total(items))))
    launches = listed.item("", "microvm_snapshot_reads", 1000 * costing.SNAPSHOT_GB)
    rows.append(("MicroVM, 1,000 launches, in addition", money(launches.usd)))
    minutes = listed.item("", "websocket_minutes", SESSION_HOURS * 60)
    return ("where", "USD"), [*rows, ("WebSocket connections, in addition", money(minutes.usd))]


def idle_table(listed: Prices) -> tuple[Sequence[str], _Rows]:
    stacks = [
        costing.idle(listed),
        costing.idle(listed, tasks=0),
        costing.idle(listed, tasks=0, reaper_seconds=0.2, reaper_reads=2),
        costing.idle(listed, endpoints=True),
    ]
    header = ("item", "one warm task", "pool at 0", "pool at 0, reaper at rest", "one warm task, endpoints")
    return header, _side_by_side(stacks)


def prices_table(listed: Prices) -> tuple[Sequence[str], _Rows]:
    rows = []
    for name, price in listed.of.items():
        usd = f"{price.usd:.10f}".rstrip("0").ljust(4, "0")
        rows.append((f"`{name}`", usd, f"{price.per:,.0f} {price.unit}", price.date, price.source))
    return ("name", "USD", "for", "date", "source"), rows


def example_table(listed: Prices) -> tuple[Sequence[str], _Rows]:
    return month_table(costing.month(listed, costing.Load()))


def month_table(items: Sequence[Item]) -> tuple[Sequence[str], _Rows]:
    rows = [(item.name, quantity(item), item.unit, money(item.usd)) for item in items if item.quantity]
    return ("item", "quantity", "unit", "USD"), [*rows, ("total", "", "", money(costing.total(items)))]


def _side_by_side(columns: Sequence[Sequence[Item]]) -> _Rows:
    names = dict.fromkeys(item.name for items in columns for item in items)
    costs = [{item.name: item.usd for item in items} for items in columns]
    rows = [(name, *(money(cost.get(name, 0.0)) for cost in costs)) for name in names]
    return [*rows, ("total", *(money(costing.total(items)) for items in columns))]


TABLES = {
    "pairs": pairs_table,
    "session-hours": session_hours_table,
    "idle": idle_table,
    "example": example_table,
    "prices": prices_table,
}


def rendered(page: str, listed: Prices) -> str:
    """Return the page with its tables as they are computed now."""

    def table(found: re.Match[str]) -> str:
        header, rows = TABLES[found[2]](listed)
        lines = [header, ["---"] * len(header), *rows]
        return found[1] + "".join(f"| {' | '.join(line)} |\n" for line in lines) + found[3]

    return _TABLE.sub(table, page)


if __name__ == "__main__":
    PAGE.write_text(rendered(PAGE.read_text(encoding="utf-8"), prices.read()), encoding="utf-8")

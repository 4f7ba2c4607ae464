"""`make bench-scale`: a day of a million sessions against Mooring's placement and scaling, simulated.

Everything comes from `--seed`. `--compare` plays the same day with other settings, and with target
tracking in place of Mooring's rule. Peaks are in proportion to `--sessions`.
"""

import argparse
import statistics
import sys
from time import perf_counter

from benchmarks import scale_load, scale_rules
from benchmarks.scale_day import Day, Tally
from mooring.scaling import Limits

# Half a vCPU and 2 GB of Fargate on arm64 in us-east-1, and the task's public IPv4 address.
USD_PER_TASK_HOUR = 0.5 * 0.03238 + 2 * 0.00356 + 0.005

_HEAD = (
    "rule", "spare", "slots", "refused", "retries", "429s", "delay p50, p95, p99, s", "cold, %",
    "tasks min, mean, max", "spread mean, worst", "task hours", "USD/day", "lost",
)  # fmt: skip


def row(name: str, limits: Limits, tally: Tally) -> str:
    """Return a line of the table."""
    delays = sorted(tally.delays) or [0.0]
    percentiles = [delays[min(len(delays) - 1, len(delays) * p // 100)] for p in (50, 95, 99)]
    tasks = tally.tasks
    cells = (
        name,
        limits.spare_slots,
        limits.task_slots,
        f"{tally.refused_for_good:,}",
        f"{tally.retries:,}",
        f"{tally.full:,}",
        ", ".join(f"{delay:.1f}" for delay in percentiles),
        f"{100 * tally.cold / len(delays):.1f}",
        f"{min(tasks)}, {statistics.mean(tasks):.1f}, {max(tasks)}",
        f"{statistics.mean(tally.spreads):.2f}, {max(tally.spreads):.2f}" if tally.spreads else "-",
        f"{tally.task_hours:,.0f}",
        f"{tally.task_hours * USD_PER_TASK_HOUR:,.2f}",
        tally.lost,
    )
    return f"| {' | '.join(map(str, cells))} |"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("--sessions", type=int, default=1_000_000, help="of the day")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--spare", type=int, default=10, help="PoolSpareSlots")
    parser.add_argument("--slots", type=int, default=20, help="TaskSlots")
    parser.add_argument("--minimum", type=int, default=1, help="PoolMin")
    parser.add_argument("--maximum", type=int, default=2_000, help="PoolMax; ECS itself ends at 5,000")
    parser.add_argument("--tracking", action="store_true", help="scale by target tracking")
    parser.add_argument("--compare", action="store_true", help="play the day with other settings too")
    options = parser.parse_args()
    load = scale_load.make(options.sessions, options.seed)
    plans = [("tracking" if options.tracking else "ours", options.spare, options.slots)]
    if options.compare:
        plans = [("ours", spare, options.slots) for spare in (0, 10, 40, 100, 200)]
        plans += [("ours", options.spare, slots) for slots in (10, 40)]
        plans += [("tracking", options.spare, options.slots)]
    print(f"{options.sessions:,} sessions, seed {options.seed}\n\n| {' | '.join(_HEAD)} |")
    print("|---" * len(_HEAD) + "|", flush=True)
    for name, spare, slots in plans:
        limits = Limits(options.minimum, options.maximum, spare, slots)
        began_at = perf_counter()
        rule = scale_rules.ours if name == "ours" else scale_rules.TargetTracking
        print(row(name, limits, Day(load, limits, options.seed, rule).play()), flush=True)
        print(f"played in {perf_counter() - began_at:.0f} s", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())

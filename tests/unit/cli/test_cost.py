import json
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from mooring_cli import cost_page, costing, prices
from mooring_cli.prices import Item

Run = Callable[..., Result]
LISTED = prices.read()
ROOT = Path(__file__).resolve().parents[3]


def usd(items: list[Item]) -> dict[str, float]:
    return {item.name: item.usd for item in items}


def test_every_price_has_a_date_and_a_source() -> None:
    content = tomllib.loads((ROOT / "cli/mooring_cli/prices.toml").read_text(encoding="utf-8"))

    assert content
    assert [name for name, price in content.items() if not (price["date"] and price["source"])] == []


def test_a_million_pairs_cost_what_a_hand_computes() -> None:
    items = costing.pairs(LISTED, 1_000_000, 2048)

    assert usd(items) == pytest.approx(
        {
            "WebSocket messages": 2.0,
            "ws_default, requests": 0.2,
            "ws_default, time": 0.066667,  # 1 M x 10 ms x 0.5 GB = 5,000 GB-s
            "DynamoDB, session rows": 0.125,
            "DynamoDB, use counts": 0.0625,
            "Data out": 0.18432,  # 2.048 GB
            "CloudWatch logs": 0.0,
            "Data between zones": 0.02048,
        }
    )


def test_a_microvms_answers_pay_for_the_callback_too() -> None:
    pool, microvm = (costing.total(costing.pairs(LISTED, 1_000_000, 2048, e)) for e in ("pool", "microvm"))

    assert microvm - pool == pytest.approx(1.0 + 0.2 + 0.133334 - 0.02048)


@pytest.mark.parametrize(("size", "counted"), [(0, 1), (32_768, 1), (32_769, 2), (131_072, 4)])
def test_messages_count_once_for_every_32_kb(size: int, counted: int) -> None:
    assert costing.pairs(LISTED, 1, size)[0].quantity == 2 * counted


def test_a_task_hour_is_processor_memory_address_heartbeats_and_log() -> None:
    arm, x86 = (costing.total(costing.pool(LISTED, 1000, name)) for name in ("arm64", "x86_64"))

    # 1,800 writes an hour; 36 KB of log
    rest = 5.0 + 1000 * 1800 * 0.625e-6 + 1000 * 60 * 600 / 1e9 * 0.5
    assert arm == pytest.approx(0.5 * 32.38 + 2 * 3.56 + rest)
    assert x86 == pytest.approx(0.5 * 40.48 + 2 * 4.445 + rest)


def test_a_microvm_that_never_rests_costs_three_cents_an_hour() -> None:
    assert costing.total(costing.microvm(LISTED, 1000, 0, 300)) == pytest.approx(31.525, abs=0.001)


@pytest.mark.parametrize(
    ("bursts", "idle", "expected"), [(6, 60, 13.33), (6, 300, 25.92), (2, 60, 4.46), (2, 300, 8.66)]
)
def test_a_microvm_with_bursts_pays_for_running_and_for_snapshots(
    bursts: int, idle: int, expected: float
) -> None:
    assert costing.total(costing.microvm(LISTED, 1000, bursts, idle)) == pytest.approx(expected, abs=0.005)


def test_bursts_without_a_pause_cost_what_running_costs() -> None:
    assert costing.microvm(LISTED, 1, 12, 300) == costing.microvm(LISTED, 1, 0, 300)


def test_the_idle_stack_with_one_warm_task_stays_under_40_usd() -> None:
    items = costing.idle(LISTED)

    assert costing.total(items) < 40
    assert usd(items).items() >= {"KMS key": 1.0, "Secrets": 0.4, "Interface endpoints": 0.0}.items()
    # 43,800 minutes x 61 s x 0.125 GB = 333,975 GB-s
    assert usd(items)["session_reaper, time"] == pytest.approx(333_975 * 0.0000133334)
    assert usd(items)["session_reaper, DynamoDB"] == pytest.approx(43_800 * 74 * 0.125e-6)


def test_an_empty_pool_costs_no_task_and_endpoints_cost_their_hours() -> None:
    empty = costing.idle(LISTED, tasks=0)
    assert sum(item.usd for item in empty if "Fargate" in item.name or "IPv4" in item.name) == 0
    endpoints = costing.total(costing.idle(LISTED, endpoints=True)) - costing.total(costing.idle(LISTED))
    assert endpoints == pytest.approx(3 * 2 * 7.30)


def test_alarms_are_counted_by_the_metrics_they_look_at() -> None:
    template = (ROOT / "template.yaml").read_text(encoding="utf-8")
    resources = template.split("Type: AWS::CloudWatch::Alarm")[1:]
    resources[-1] = resources[-1].partition("AWS::CloudWatch::Dashboard")[0]

    assert sum(resource.count("MetricName:") for resource in resources) == costing.ALARM_METRICS


def test_what_is_assumed_of_the_stack_is_what_the_template_says() -> None:
    template = (ROOT / "template.yaml").read_text(encoding="utf-8")

    def default(parameter: str) -> float:
        return float(template.split(f"\n  {parameter}:\n")[1].split("Default: ")[1].split()[0])

    assert default("TaskCpu") / 1024 == costing.TASK_VCPU
    assert default("TaskMemory") / 1024 == costing.TASK_GB
    assert default("TaskSlots") == costing.TASK_SLOTS
    assert default("PoolSpareSlots") == costing.SPARE_SLOTS
    assert default("PoolMin") == costing.Load().warm_tasks
    reaper = template.split("\n  SessionReaperFunction:\n")[1]
    assert f"MemorySize: {costing.REAPER_GB * 1024:.0f} " in reaper
    others = 3  # Bedrock's, and two for MicroVMs: with those only
    assert template.count("VpcEndpointType: Interface") == costing.ENDPOINTS + others


def test_a_pool_grows_with_its_sessions_and_spare_places() -> None:
    assert costing.tasks(costing.Load(sessions_per_day=480, minutes_per_session=30)) == 1
    assert costing.tasks(costing.Load(sessions_per_day=4800, minutes_per_session=30)) == pytest.approx(5.5)
    assert costing.tasks(costing.Load(sessions_per_day=0, warm_tasks=0)) == 0


def test_the_page_has_the_tables_that_are_computed() -> None:
    page = cost_page.PAGE.read_text(encoding="utf-8")

    assert page.count("<!-- table: ") == len(cost_page.TABLES)
    assert page == cost_page.rendered(page, LISTED)


def test_the_pages_summary_has_the_totals_of_its_tables() -> None:
    page = " ".join(cost_page.PAGE.read_text(encoding="utf-8").split("## ")[0].split())
    pool, microvm = (costing.total(costing.pairs(LISTED, 1_000_000, 2048, e)) for e in ("pool", "microvm"))

    assert f"**Idle: {costing.total(costing.idle(LISTED)):.0f} USD a month**" in page
    assert f"{costing.total(costing.idle(LISTED, tasks=0)):.0f} USD with `PoolMin` 0" in page
    assert f"**A million calls: {pool:.2f} USD** in the pool, {microvm:.2f} USD in MicroVMs" in page
    hours = costing.total(costing.pool(LISTED, 1000 / costing.TASK_SLOTS))
    assert f"**1,000 session-hours: {hours:.2f} USD**" in page


def test_the_command_prints_items_and_their_sum(run: Run) -> None:
    printed = run("cost").stdout.splitlines()

    assert printed[0].split() == ["ITEM", "QUANTITY", "UNIT", "USD"]
    assert printed[-1].split() == ["total", f"{costing.total(costing.month(LISTED, costing.Load())):.2f}"]
    told = json.loads(run("cost", "--json", "--sessions-per-day", "0").stdout)
    assert told["usdPerMonth"] == pytest.approx(costing.total(costing.idle(LISTED)), abs=0.0001)
    assert told["load"]["sessions_per_day"] == 0


def test_the_command_knows_the_pages_tables(run: Run) -> None:
    assert "1,000 session-hours" in run("cost", "--reference").stdout
    assert json.loads(run("cost", "--reference", "--json").stdout)["pairs"][0]["pool, USD"] == "2.00"


def test_a_factor_and_own_prices_change_what_they_are_for(run: Run, tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text("kms_keys = 3\n[secrets]\nusd = 8\nper = 2\n")

    told = json.loads(
        run("cost", "--json", "--region-factor", "2", "--prices", str(tmp_path / "own.toml")).stdout
    )

    costs = {item["name"]: item["usd"] for item in told["items"]}
    assert (costs["KMS key"], costs["Secrets"], costs["Alarms"]) == pytest.approx((6.0, 8.0, 2.6))


@pytest.mark.parametrize(
    ("option", "value", "fix"),
    [
        ("--sessions-per-day", "-1", "x>=0"),
        ("--minutes-per-session", "nan", "give a finite one"),
        ("--pairs-per-session", "inf", "give a finite one"),
        ("--bytes-per-message", "131073", "0<=x<=131072"),
        ("--engine", "both", "'pool', 'microvm'"),
        ("--sessions-per-task", "0", "1<=x<=1000"),
        ("--warm-tasks", "1.5", "integer"),
        ("--region-factor", "0", "0.1<=x<=10"),
    ],
)
def test_a_wrong_value_names_the_option_and_what_it_takes(
    run: Run, option: str, value: str, fix: str
) -> None:
    result = run("cost", option, value)

    assert result.exit_code == 2
    assert option in result.stderr
    assert fix in result.stderr


def test_microvms_have_one_architecture(run: Run) -> None:
    result = run("cost", "--engine", "microvm", "--architecture", "x86_64")

    assert result.exit_code == 2
    assert "'--architecture': MicroVMs are arm64 only; leave it out" in result.stderr


@pytest.mark.parametrize(
    ("content", "cause", "fix"),
    [
        ("kms_key = 1", "there is no price kms_key", "docs/cost.md has the names"),
        ("kms_keys = -1", "usd of kms_keys is -1", "Give a number of USD, for 1 keys"),
        ("kms_keys = nan", "usd of kms_keys is nan", "Give a number of USD"),
        ("kms_keys = true", "usd of kms_keys is True", "Give a number of USD"),
        ("kms_keys = 'one'", "usd of kms_keys is 'one'", "Give a number of USD"),
        ("[kms_keys]\nper = 0", "per of kms_keys is 0", "Give a number from 1"),
        ("[kms_keys]\neur = 1", "kms_keys has eur", "usd, per, date and source only"),
        ("kms_keys", "--prices", "Give a TOML file"),
    ],
)
def test_a_wrong_price_names_itself_and_the_fix(
    run: Run, tmp_path: Path, content: str, cause: str, fix: str
) -> None:
    (tmp_path / "own.toml").write_text(content)

    result = run("cost", "--prices", str(tmp_path / "own.toml"))

    assert result.exit_code == 1
    assert cause in result.stderr
    assert fix in result.stderr


def test_a_price_file_that_is_not_there_is_named(run: Run) -> None:
    result = run("cost", "--prices", "/nowhere.toml")

    assert result.exit_code == 1
    assert "--prices /nowhere.toml" in result.stderr

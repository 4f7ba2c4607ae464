"""The CloudFront Function, run under Node, answers as the local gateway routes."""

import json
import random
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from mooring_local.gateway.edge import NOT_FOUND, route

FUNCTION = Path(__file__).resolve().parents[3] / "functions" / "edge_router" / "edge.js"
CASES = json.loads(Path(__file__).with_name("edge_cases.json").read_text(encoding="utf-8"))
# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cloudfront-limits.html
GREATEST_FUNCTION_BYTES = 10 * 1024
SEED = 20261130
# What targets are made of where parsers differ.
# fmt: off
PIECES = [
    "/", "//", "/ws", "ws", "@", "%40", "%2F", "%2f", "%5C", "a", "B", "acme", ".", "..", "~", "-", "_",
    "!*'()", "%", "%%", "%2", "%zz", "%25", "%00", "%ff", "%C3%A9", "%c3", "%ED%A0%80", "%F0%9F%A6%86",
    "%C0%AF",
    "é", "+", "?", "&", "=", "&&", "==", ";", ":", "#", "_server", "%5Fserver", "%5f%73erver", "%255Fserver",
    "x=1", "&x=2", "&_server=c/d", "&_server", "&=_server", "&+_server=1", "&_%73erver%ff=1", "&10=a&9=b",
]
# fmt: on


def answers(targets: list[str], raw: bool = True) -> list[dict[str, Any]]:
    """Return what the function answers to each target, and whether it left the request alone."""
    done = subprocess.run(
        ["node", Path(__file__).with_name("edge_runner.mjs")],
        input=json.dumps({"source": str(FUNCTION), "targets": targets, "raw": raw}),
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def query_of(target: str, found: dict[str, Any]) -> str | None:
    """Return the query that a session is opened with; None if it was refused or left alone, rightly."""
    answer = found["answer"]
    if "statusCode" not in answer and answer["uri"] == "/" and isinstance(answer["querystring"], str):
        query: str = answer["querystring"]
        return query
    if target.partition("?")[0].endswith("/ws"):
        assert answer["statusCode"] == 404, "API Gateway would have answered 403 without a reason"
        assert json.loads(answer["body"]["data"]) == NOT_FOUND
    else:
        assert found["untouched"]
    return None


def test_the_function_routes_every_case_of_the_table_as_the_local_gateway_does() -> None:
    targets = [case["target"] for case in CASES]
    routed = [query_of(target, found) for target, found in zip(targets, answers(targets), strict=True)]
    assert routed == [case["query"] for case in CASES]


def test_the_function_and_the_local_gateway_agree_about_targets_nobody_thought_of() -> None:
    chance = random.Random(SEED)
    targets = []
    for _ in range(20_000):
        parts = ("".join(chance.choices(PIECES, k=chance.randint(1, 2))) for _ in range(2))
        path = f"/{'/'.join(parts)}".replace("?", "")
        query = "".join(chance.choices(PIECES, k=chance.randint(0, 6)))
        targets.append(path + chance.choice(["/ws", "/ws", "/ws", ""]) + chance.choice(["?", ""]) + query)
    found = answers(targets)
    queries = [query_of(target, each) for target, each in zip(targets, found, strict=True)]
    differing = [
        (target, query, route(target))
        for target, query in zip(targets, queries, strict=True)
        if query != route(target)
    ]
    assert differing == []
    assert sum(query is not None for query in queries) > 1000, "most of them were no session's target"


def test_without_the_raw_query_the_parameters_are_the_same_but_grouped() -> None:
    """CloudFront's parsed query has repeated names together, as a parser of the query sees them anyway."""
    routed = [case for case in CASES if case["query"] is not None]
    for case, found in zip(routed, answers([case["target"] for case in routed], raw=False), strict=True):
        query = query_of(case["target"], found)
        assert query is not None and grouped(query) == grouped(case["query"]), case["case"]
        assert query.startswith("_server=")


def grouped(query: str) -> dict[str, list[str]]:
    parameters: dict[str, list[str]] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        parameters.setdefault(name, []).append(value)
    return parameters


def test_a_query_as_long_as_api_gateway_takes_goes_through() -> None:
    config = "A" * 4000
    (found,) = answers([f"/acme/weather/ws?config={config}&_server=c%2Fd"])
    assert found["answer"]["querystring"] == f"_server=acme%2Fweather&config={config}"


def test_the_rest_of_the_request_stays_as_it_was() -> None:
    (found,) = answers(["/acme/weather/ws?x=1"])
    answer = found["answer"]
    assert answer["headers"] == {"host": {"value": "d1.example"}, "sec-websocket-version": {"value": "13"}}
    assert answer["method"] == "GET"


def test_the_function_fits_and_can_be_put_into_a_template_as_it_is() -> None:
    source = FUNCTION.read_bytes()
    assert len(source) < GREATEST_FUNCTION_BYTES
    assert source.isascii()
    assert b"${" not in source, "Fn::Sub would take it for a variable"

"""YAML of strangers becomes JSON, or is refused with the line."""

from typing import Any

import pytest

from mooring_local import core_yaml
from mooring_local.core_yaml import NotYaml


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: yes\nb: off\nc: on", {"a": "yes", "b": "off", "c": "on"}),
        ("a: true\nb: False\nc: ~\nd:", {"a": True, "b": False, "c": None, "d": None}),
        ("a: 010\nb: 0x1f\nc: 0o17\nd: -5\ne: 1_000", {"a": 10, "b": 31, "c": 15, "d": -5, "e": "1_000"}),
        (
            "a: 1.5\nb: 1e3\nc: 12:30:45\nd: 2024-01-01",
            {"a": 1.5, "b": 1000.0, "c": "12:30:45", "d": "2024-01-01"},
        ),
        ("1: a\ntrue: b\non: c", {"1": "a", "true": "b", "on": "c"}),
        ("a: &x {b: 1}\nc: *x\nd:\n  <<: *x\n  e: 2", {"a": {"b": 1}, "c": {"b": 1}, "d": {"b": 1, "e": 2}}),
        ("\ufeffa: 1\r\nb: |\r\n  c\r\n", {"a": 1, "b": "c\n"}),
        ("# nothing\n", None),
    ],
)
def test_scalars_are_what_json_and_yaml_1_2_say(text: str, value: Any) -> None:
    assert core_yaml.load(text) == value


def bomb() -> str:
    lines = ["l0: &l0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 9)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("a: 1\na: 2", "twice"),
        ("a:\n  b: 1\n  'b': 2", "line 3"),
        ("a:\n\tb: 1", "line 2: a tab"),
        ("a:\n  <%- if (x) { %>\n  b: c", "template"),
        ("a: b (default: 5)", "line 1"),
        ("a: [", "line 1"),
        ("a: &x [*x]", "values"),
        ("a: &x {b: *x}", "values"),
        ("a: *x", "line 1"),
        ("? [a, b]\n: c", "key"),
        ("a: !!python/object/apply:os.system [id]", "line 1"),
        ("a: !!binary aGk=", "JSON"),
        ("a: !!set {b}", "JSON"),
        ("a: .nan", "JSON"),
        ("a: .inf", "JSON"),
        ("a: 1\n---\nb: 2", "line 2"),
        ("a: \0", ""),
        ("[" * 30_000, ""),
        ("a: " + "x" * 70_000, "characters"),
        (bomb(), "values"),
    ],
    ids=lambda value: value[:20],
)
def test_everything_else_is_refused(text: str, named: str) -> None:
    with pytest.raises(NotYaml) as refused:
        core_yaml.load(text)

    assert named in str(refused.value)

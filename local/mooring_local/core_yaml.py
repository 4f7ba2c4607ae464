"""YAML of strangers, read as JSON: the core schema of YAML 1.2, with bounds (no I/O).

As the readers of JavaScript have it and PyYAML alone has not: `yes` and `on` are texts, `2024-01-01` is one,
a mapping has each key once. A tag that would make anything but JSON is refused.
"""

import json
import re
from collections.abc import Hashable
from typing import Any

import yaml

MAX_CHARACTERS = 65_536  # the largest of the public smithery.yaml seen has 8 KB
_MAX_NODES = 20_000  # with every alias counted as what it stands for

_BOOL, _INT, _FLOAT, _NULL = (f"tag:yaml.org,2002:{name}" for name in ("bool", "int", "float", "null"))


class NotYaml(ValueError):
    """Says why, with the line where there is one."""


def load(text: str) -> Any:
    """Return the JSON value that `text` stands for.

    Raises:
        NotYaml: it is no YAML, too large, or more than JSON.
    """
    if len(text) > MAX_CHARACTERS:
        raise NotYaml(f"it has more than {MAX_CHARACTERS} characters")
    try:
        # "\0" and what else cannot be printed is an error of YAML's too.
        loader = _Loader(text.removeprefix("\ufeff"))
        try:
            node = loader.get_single_node()
            if node is None:
                return None
            _check_size(node)
            value = loader.construct_document(node)
        finally:
            loader.dispose()
        json.dumps(value, allow_nan=False)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = mark.line + 1 if mark else 1
        raise NotYaml(f"line {line}: {_problem(error, text, line)}") from error
    except (yaml.YAMLError, RecursionError, TypeError, ValueError) as error:
        if isinstance(error, NotYaml):
            raise
        raise NotYaml(f"it cannot be read as JSON could be ({type(error).__name__})") from error
    return value


def _problem(error: yaml.MarkedYAMLError, text: str, line: int) -> str:
    lines = text.splitlines()
    if line <= len(lines) and re.match(r" *\t", lines[line - 1]):
        return "a tab is no indentation; use spaces"
    if "<%" in text:
        return f"{error.problem}; a template (<% … %>) is no YAML"
    return str(error.problem)


def _check_size(root: yaml.Node) -> None:
    """Refuse a value that contains itself, or that aliases make large."""
    sizes: dict[int, int] = {}
    pending: list[tuple[yaml.Node, bool]] = [(root, False)]
    while pending:
        node, is_done = pending.pop()
        inner = _inner(node)
        if is_done:
            sizes[id(node)] = 1 + sum(sizes[id(child)] for child in inner)
            if sizes[id(node)] > _MAX_NODES:
                raise NotYaml(f"it has more than {_MAX_NODES} values")
        elif id(node) not in sizes:
            sizes[id(node)] = _MAX_NODES + 1  # until it is done: who contains itself is too large
            pending.append((node, True))
            pending += [(child, False) for child in inner if id(child) not in sizes]


def _inner(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [child for pair in node.value for child in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


class _Loader(yaml.SafeLoader):
    # Without those of YAML 1.1, by the first character of a scalar.
    yaml_implicit_resolvers = {}  # noqa: RUF012

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            name = str(key.value)
            if name in seen and key.tag != "tag:yaml.org,2002:merge":
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {name[:50]!r} is there twice", key.start_mark
                )
            seen.add(name)
        self.flatten_mapping(node)
        mapping: dict[Hashable, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, "a key must be a text", key.start_mark)
            mapping[key.value] = self.construct_object(value, deep=True)
        return mapping

    def whole_number(self, node: Any) -> int:
        text = node.value.replace("0o", "0O")
        sign, digits = (-1 if text[0] == "-" else 1), text.lstrip("+-")
        radix = {"0x": 16, "0O": 8}.get(digits[:2], 10)
        return sign * int(digits[2:] if radix != 10 else digits, radix)


_Loader.add_constructor(_INT, _Loader.whole_number)
_Loader.add_implicit_resolver(_BOOL, re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF"))
_Loader.add_implicit_resolver(
    _INT, re.compile(r"^(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$"), list("-+0123456789")
)
_Loader.add_implicit_resolver(
    _FLOAT,
    re.compile(
        r"^(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$"
    ),
    list("-+0123456789."),
)
_Loader.add_implicit_resolver(_NULL, re.compile(r"^(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""])
_Loader.add_implicit_resolver("tag:yaml.org,2002:merge", re.compile(r"^(?:<<)$"), ["<"])

from typing import Any

import pytest

from mooring.errors import InvalidRequest
from mooring.launch import Computed, planned, resolve

SESSION = "/sessions/1"


def test_placeholders_are_filled_in_everywhere() -> None:
    rule = {
        "command": "${bundle}/bin/run",
        "args": ["${bundle}/x.js", "--key", "${config.apiKey}", "--in=${config.a.b}/${config.n}"],
        "env": {"K": "${config.apiKey}", "FLAG": "${config.flag}"},
        "cwd": "${bundle}/work",
    }

    launch = resolve(rule, {"apiKey": "k", "a": {"b": "deep"}, "n": 1.5, "flag": True}, "/bundles/1", SESSION)

    assert launch.argv == ("/bundles/1/bin/run", "/bundles/1/x.js", "--key", "k", "--in=deep/1.5")
    assert launch.env == {"K": "k", "FLAG": "true"}
    assert launch.cwd == "/bundles/1/work"


def test_what_is_only_an_absent_value_is_left_out() -> None:
    rule = {
        "command": "run",
        "args": ["${config.a}", "--x=${config.a}", "${config.b.c}", "", "${config.empty}"],
        "env": {"A": "${config.a}", "N": "${config.none}", "X": "x${config.a}"},
    }

    launch = resolve(rule, {"b": "text", "none": None, "empty": ""}, None, SESSION)

    assert launch.argv == ("run", "--x=", "", "")
    assert launch.env == {"X": "x"}


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (False, "false"), (1e21, "1e+21"), (["a", 1], '["a",1]'), ({"k": "v"}, '{"k":"v"}')],
)
def test_values_that_are_no_strings_become_json(value: object, text: str) -> None:
    assert resolve({"command": "run", "args": ["${config.v}"]}, {"v": value}, None, SESSION).argv == (
        "run",
        text,
    )


def test_a_value_is_never_expanded_nor_split() -> None:
    value = "${config.other} $(id); --flag\n${bundle}"

    launch = resolve(
        {"command": "run", "args": ["${config.v}", "-${config.v}"]}, {"v": value, "other": "x"}, None, SESSION
    )

    assert launch.argv == ("run", value, f"-{value}")


def test_the_working_folder_is_the_session_s_own_unless_the_rule_says_otherwise() -> None:
    assert resolve({"command": "run"}, {}, "/bundles/1", SESSION).cwd == SESSION
    assert resolve({"command": "run", "cwd": "${bundle}"}, {}, "/bundles/1", SESSION).cwd == "/bundles/1"


def test_a_server_can_be_told_to_keep_its_files_in_the_session_s_folder() -> None:
    rule = {"command": "run", "env": {"FILE": "${session}/memory.json"}}
    assert resolve(rule, {}, None, SESSION).env == {"FILE": "/sessions/1/memory.json"}


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({}, ["last"]),
        ({"key": "k"}, ["--key", "k", "last"]),
        ({"key": "", "dirs": []}, ["--key", "", "last"]),
        ({"dirs": ["a b", 1, None]}, ["--dir", "a b", "--dir", "1", "a b", "1", "last"]),
        ({"dirs": "one"}, ["--dir", "one", "one", "last"]),
    ],
    ids=["nothing", "a value", "empty ones", "a list", "no list"],
)
def test_a_group_is_there_as_a_whole_and_a_list_is_spread(config: dict[str, Any], words: list[str]) -> None:
    groups = [["--key", "${config.key}"], ["--dir", "${config.dirs[]}"]]
    rule = {"command": "run", "args": [*groups, "${config.dirs[]}", "last"]}

    assert list(resolve(rule, config, None, SESSION).argv[1:]) == words


def test_a_rule_says_which_folders_come_first_in_the_path() -> None:
    path = ["${bundle}/.mooring/bin", "/opt/bin", "${session}"]
    folders = ("/bundles/1/.mooring/bin", "/opt/bin", SESSION)

    assert resolve({"command": "run", "path": path}, {}, "/bundles/1", SESSION).path == folders
    computed = planned({"commandFunction": "() => 1", "path": path}, {}, "/bundles/1", SESSION)
    assert isinstance(computed, Computed)
    assert computed.launch("run", [], {}).path == folders


@pytest.mark.parametrize(
    ("rule", "field"),
    [
        ({}, "launch.command"),
        ({"command": ""}, "launch.command"),
        ({"command": "${config.absent}"}, "launch.command"),
        ({"command": ["node"]}, "launch.command"),
        ({"command": "run", "args": "x"}, "launch.args"),
        ({"command": "run", "args": ["x", 5]}, "launch.args[1]"),
        ({"command": "run", "args": ["${bundle}"]}, "launch.args[0]"),
        ({"command": "run", "args": ["${HOME}"]}, "launch.args[0]"),
        ({"command": "run", "args": ["${config}"]}, "launch.args[0]"),
        ({"command": "run", "args": ["${config.nul}"]}, "launch.args[0]"),
        ({"command": "run", "env": []}, "launch.env"),
        ({"command": "run", "env": {"A=B": "x"}}, "launch.env"),
        ({"command": "run", "env": {"A": 1}}, "launch.env.A"),
        ({"command": "run", "cwd": 1}, "launch.cwd"),
        ({"command": "run", "args": [[]]}, "launch.args[0]"),
        ({"command": "run", "args": [["--x", ["y"]]]}, "launch.args[0]"),
        ({"command": "run", "args": ["--x=${config.list[]}"]}, "launch.args[0]"),
        ({"command": "run", "args": ["${bundle[]}"]}, "launch.args[0]"),
        ({"command": "run", "args": [["${config.list[]}", "${config.list[]}"]]}, "launch.args[0]"),
        ({"command": "run", "args": ["${config.nuls[]}"]}, "launch.args[0]"),
        ({"command": "run", "env": {"A": "${config.list[]}"}}, "launch.env.A"),
        ({"command": "run", "path": "/bin"}, "launch.path"),
        ({"command": "run", "path": ["bin"]}, "launch.path[0]"),
        ({"command": "run", "path": ["/a:/b"]}, "launch.path[0]"),
        ({"command": "run", "path": ["${session}x"]}, "launch.path[0]"),
        ({"command": "run", "path": ["${bundle}/bin"]}, "launch.path[0]"),
        ({"command": "run", "path": ["/${config.folder}"]}, "launch.path[0]"),
        ({"command": "run", "path": ["/bin"] * 17}, "launch.path"),
        ({"commandFunction": "(config) => ({})"}, "launch.commandFunction"),
    ],
)
def test_a_rule_that_cannot_be_used_is_refused_by_the_name_of_its_field(
    rule: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        resolve(rule, {"nul": "secret\0", "nuls": ["secret\0"], "list": ["a", "b"]}, None, SESSION)

    assert field in refused.value.message
    assert "secret" not in refused.value.message


def test_neither_arguments_nor_environment_show_in_a_repr() -> None:
    launch = resolve(
        {"command": "run", "args": ["${config.k}"], "env": {"K": "${config.k}"}},
        {"k": "secret"},
        None,
        SESSION,
    )

    assert "secret" not in repr(launch)

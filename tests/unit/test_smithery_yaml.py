import pytest

from mooring_local import smithery_yaml
from mooring_local.packages import Launch
from mooring_local.smithery_yaml import InvalidSmitheryYaml


@pytest.mark.parametrize(
    ("text", "launch"),
    [
        (
            "startCommand: {type: stdio, command: node, args: [dist/index.js, 8080, true]}",
            {"command": "node", "args": ["dist/index.js", "8080", "true"]},
        ),
        ("startCommand: {command: [uv, run, main.py]}", {"command": "uv", "args": ["run", "main.py"]}),
        (
            "startCommand: {command: python -m server, env: {A: 1, B: null, C: false}}",
            {"command": "python", "args": ["-m", "server"], "env": {"A": "1", "C": "false"}},
        ),
        ("startCommand: node 'my server.js'", {"command": "node", "args": ["my server.js"]}),
        (
            "startCommand: {type: stdio, config: {command: uv, args: [tool, run, x]}}",
            {"command": "uv", "args": ["tool", "run", "x"]},
        ),
        ("startCommand: {commandFunction: [node, a.js]}", {"command": "node", "args": ["a.js"]}),
        (
            "startCommand: {command: run, envMapping: {KEY: a, b: OTHER}}\n"
            "configSchema: {properties: {a: {}, b: {}}}",
            {"command": "run", "args": [], "env": {"KEY": "${config.a}", "OTHER": "${config.b}"}},
        ),
        (
            "startCommand: {command: run, args: a 'b c', env: [A=1, {name: B, value: 2}, [C]]}",
            {"command": "run", "args": ["a", "b c"], "env": {"A": "1", "B": "2"}},
        ),
        ("startCommand: {type: npm, package: '@a/b'}", {"command": "npx", "args": ["-y", "@a/b"]}),
        ("runtime: node\nentrypoint: index.mjs", {"command": "node", "args": ["index.mjs"]}),
        ("startCommand: {type: stdio, commandFunction: 'x => y'}", {"commandFunction": "x => y"}),
        ("startCommand: {configSchema: {commandFunction: 'x => y'}}", {"commandFunction": "x => y"}),
        (
            "startCommand: {type: stdio}\ncommandFunction: 'x => y'\nenv: {A: 1}",
            {"commandFunction": "x => y", "env": {"A": "1"}},
        ),
        (
            "startCommand: {commandFunction: {command: omnicache, args: [mcp]}}",
            {"command": "omnicache", "args": ["mcp"]},
        ),
    ],
)
def test_a_command_that_is_written_out_becomes_the_launch_rule(text: str, launch: Launch) -> None:
    assert smithery_yaml.parse(text).launch == launch


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("startCommand: {type: http, url: 'https://example.com'}", "https://example.com"),
        ("server: {type: http, url: 'https://example.com'}", "https://example.com"),
        ("runtime: container\nstartCommand: {type: http}", "Dockerfile"),
        ("start: {command: [node, a.js]}", "start is not its form"),
        ("startCommand: {commandFunction: 5}", "neither JavaScript"),
        ("startCommand: {command: node, args: [{a: b}]}", "must be texts"),
        ("runtime: typescript", "runtime: typescript"),
        ("name: a-listing-only", "no startCommand"),
        ("startCommand: {type: stdio}", "without a command"),
        ("startCommand: {command: ''}", "empty command"),
        ("startCommand: {command: {a: b}}", "command must be"),
        ('startCommand: "node \'unclosed"', "split"),
    ],
)
def test_what_cannot_be_started_is_named(text: str, named: str) -> None:
    declared = smithery_yaml.parse(text)

    assert declared.launch is None
    assert named in declared.obstacle


@pytest.mark.parametrize(
    "text",
    ["<%- if (a) { %>\na: b: c", "- a\n- b", "", "a: [", "a: &x [*x, *y]", "x" * 70_000],
    ids=["template", "list", "empty", "unclosed", "unknown alias", "huge"],
)
def test_what_is_no_mapping_is_refused(text: str) -> None:
    with pytest.raises(InvalidSmitheryYaml):
        smithery_yaml.parse(text)


@pytest.mark.parametrize("indent", ["", "  "], ids=["top level", "in startCommand"])
def test_schema_and_example_are_found_where_either_is_written(indent: str) -> None:
    lines = ["startCommand:", "  command: node"]
    lines += [f"{indent}configSchema: {{type: object}}", f"{indent}exampleConfig: {{a: 1}}"]

    declared = smithery_yaml.parse("\n".join(lines))

    assert declared.config_schema == {"type": "object"}
    assert declared.example_config == {"a": 1}


def test_the_schema_is_known_even_when_the_command_is_not() -> None:
    text = "startCommand: {commandFunction: 'x => y', configSchema: {type: object}}"

    assert smithery_yaml.parse(text).config_schema == {"type": "object"}

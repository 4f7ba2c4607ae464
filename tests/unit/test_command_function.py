"""What a `commandFunction` may be and may do. Each is evaluated by the real program."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mooring import command_function, command_function_engine
from mooring.command_function import Command, evaluate, read
from mooring.errors import StartFailed

SECRET = "sk-do-not-tell-anybody"
CONFIG = {"key": SECRET, "port": 8080, "debug": True}


@pytest.mark.parametrize(
    "source",
    [
        "(config) => ({ command: 'run', args: [config.key] })",
        "config => ({ command: 'run', args: [config.key] });",
        "// why\n(config) => ({ command: 'run', args: [config.key] }) // how",
        "({ config }) => ({ command: 'run', args: [config.key] })",
        "({ key }) => ({ command: 'run', args: [`${key}`] })",
        "(config) => { const args = []; args.push(config?.key ?? 'none'); return { command: 'run', args }; }",
        "function (config) { return { command: 'run', args: [config.key] }; }",
        "function start(config) { return { command: 'run', args: [config.key] }; }",
        "const name = 'run';\nfunction start(config) { return { command: name, args: [config.key] }; }",
        "const start = (config) => ({ command: 'run', args: [config.key] });",
        "const name = 'run';\n(config) => ({ command: name, args: [config.key] })",
        "async (config) => ({ command: 'run', args: [await config.key] })",
        "async function start(config) { return { command: 'run', args: [config.key] }; }",
        "module.exports = (config) => ({ command: 'run', args: [config.key] });",
        "export default function (config) { return { command: 'run', args: [config.key] }; }",
        "commandFunction(config) { return { command: 'run', args: [config.key] }; }",
        "return { command: 'run', args: [config.key] };",
        "{ command: 'run', args: [config.key] }",
        "(config: any) => ({ command: 'run', args: [config.key] })",
        "(config) => { console.log(config); return { command: 'run', args: [config.key] }; }",
        "(config) => ['run', config.key]",
        "(config) => `run '${config.key}'`",
    ],
)
def test_every_form_of_a_function_is_understood(source: str) -> None:
    assert evaluate(source, CONFIG) == Command("run", (SECRET,), {})


@pytest.mark.parametrize(
    ("value", "command"),
    [
        (
            "{ command: 'a', args: [8080, 1.50, 1e21, true, null, undefined] }",
            ("8080", "1.5", "1e+21", "true"),
        ),
        ("{ command: 'a', args: undefined, env: null }", ()),
        ("{ command: 'a', args: [], cwd: '/', extra: () => 1 }", ()),
        ("{ command: 'a', args: { toJSON: () => ['x'] } }", ("x",)),
        ("new Proxy({ command: 'a', args: ['x'] }, {})", ("x",)),
        ("{ get command() { return 'a'; }, args: ['x'] }", ("x",)),
    ],
)
def test_numbers_and_truth_are_told_as_javascript_does_and_nothing_is_left_out(
    value: str, command: tuple[str, ...]
) -> None:
    assert evaluate(f"() => ({value})", {}) == Command("a", command, {})


def test_variables_of_the_process_that_the_function_sets_are_of_the_launch() -> None:
    source = (
        "(c) => { process.env.DEBUG = c.debug; process.env.A = 'shim';"
        " return { command: 'a', env: { A: 'own', PORT: c.port, NONE: undefined, '302_KEY': c.key } }; }"
    )
    assert evaluate(source, CONFIG).env == {"DEBUG": "true", "A": "own", "PORT": "8080", "302_KEY": SECRET}


@pytest.mark.parametrize(
    ("source", "named"),
    [
        ("() => { for (;;); }", "in time"),
        ("async () => { await null; for (;;); }", "in time"),
        ("() => /(a+)+$/.test('a'.repeat(40) + 'b')", "in time"),
        ("() => ({ get command() { for (;;); } })", "in time"),
        ("() => ({ toJSON() { for (;;); } })", "in time"),
        ("() => new Proxy({}, { ownKeys() { for (;;); } })", "in time"),
        ("1); }); for (;;); (function () { (1", "in time"),
        ("() => new Array(1e7).fill(1)", "memory"),
        ("() => 'x'.repeat(1e9)", ""),
        ("() => ({ command: 'x'.repeat(1e5) })", "more than a command line"),
        ("function f() { return f(); }", "threw RangeError"),
        ("() => { let a = []; for (let i = 0; i < 1e5; i++) a = [a]; return a; }", ""),
        ("() => new Promise(() => 0)", "never fulfilled"),
        ("async () => { throw 1; }", "threw"),
        ("async () => { for (;;) await 1; }", "never fulfilled"),
        ("(c) => { throw { toString() { for (;;); } }; }", "threw an exception"),
        ("(c) => { throw new TypeError(c.key); }", "threw TypeError"),
        ("(c) => { const e = new Error(); e.name = c.key; throw e; }", "threw Error"),
        ("(c) => { throw c.key; }", "threw"),
        ("(c) => c.no.such", "threw TypeError"),
        ("(c) => require('fs')", "threw ReferenceError"),
        ("=> nonsense", "line 1"),
        ("(c) => ({\n  command: <%- c.key %>\n})", "line 2"),
        ("() => 5", "no object"),
        ("() => null", "no object"),
        ("", "no command"),
        ("() => ({})", "no command"),
        ("() => ({ command: 5 })", "no command"),
        ("() => ({ command: 'a\\0b' })", "no command"),
        ("() => ({ command: 'a', args: 'x' })", "args"),
        ("() => ({ command: 'a', args: [{}] })", "args[0]"),
        ("() => ({ command: 'a', args: ['\\ud800'] })", "args[0]"),
        ("(c) => ({ command: 'a', args: [[c.key]] })", "args[0]"),
        ("() => ({ command: 'a', args: Array(1000).fill('x') })", "args"),
        ("() => ({ command: 'a', env: [] })", "env"),
        ("() => ({ command: 'a', env: { 'A=B': '1' } })", "name"),
        ("(c) => ({ command: 'a', env: { [c.key + '=']: '1' } })", "name"),
        ("(c) => ({ command: 'a', env: { A: [c.key] } })", "env"),
        ("() => 10n", "threw TypeError"),
    ],
)
def test_a_function_that_gives_no_command_is_refused_without_a_word_of_the_configuration(
    source: str, named: str
) -> None:
    with pytest.raises(StartFailed) as refused:
        evaluate(source, CONFIG)

    assert named in refused.value.message
    assert SECRET not in refused.value.message


def test_nothing_of_the_host_is_within_reach() -> None:
    source = """() => ({ command: 'a', args: [
        ...['std', 'os', 'require', 'fetch', 'Deno', 'Bun', 'scriptArgs', 'print', 'setTimeout']
            .filter((name) => typeof globalThis[name] !== 'undefined'),
        ...Object.keys(process.env),
    ] })"""
    assert evaluate(source, {}).args == ()


def test_the_configuration_is_never_part_of_the_source() -> None:
    config = {"key": "'}) + evil(`${", "__proto__": {"x": 1}}
    assert evaluate("(c) => ({ command: 'a', args: [c.key] })", config).args == ("'}) + evil(`${",)


def test_one_function_cannot_change_the_next() -> None:
    with pytest.raises(StartFailed):
        evaluate("() => { Object.prototype.command = 'b'; JSON.stringify = () => 'x'; return 5; }", {})
    assert evaluate("() => ({ command: 'a' })", {}).command == "a"


def test_the_program_has_an_empty_environment_and_limits_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "quickjs.py").write_text(
        "import json, os, resource, sys\n"
        "class JSException(Exception): pass\n"
        "class StackOverflow(Exception): pass\n"
        "def told(*_):\n"
        "    kinds = ('CPU', 'FSIZE', 'NOFILE', 'NPROC', 'CORE')\n"
        "    limits = {k: resource.getrlimit(getattr(resource, 'RLIMIT_' + k))[1] for k in kinds}\n"
        "    env = {k: v for k, v in os.environ.items() if k != 'LC_CTYPE'}\n"
        "    return json.dumps({'env': env, 'limits': limits})\n"
        "class Context:\n"
        "    def eval(self, text): return told\n"
        "    def __getattr__(self, name): return lambda *_: None\n"
    )
    program = command_function_engine.__file__

    done = subprocess.run(
        [sys.executable, "-I", "-S", program, str(tmp_path)],
        input=b'{"source": "1", "config": {}}',
        capture_output=True,
        env={},
        check=True,
    )

    assert done.stdout == (
        b'{"env": {}, "limits": {"CPU": 2, "FSIZE": 0, "NOFILE": 3, "NPROC": 0, "CORE": 0}}'
    )


def test_the_program_is_started_with_nothing_of_our_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    program = "import json, os; print(json.dumps({'value': {'command': 'a', 'env': {**os.environ}}}))"
    monkeypatch.setattr(command_function, "argv", lambda: (sys.executable, "-c", program))

    assert set(evaluate("", {}).env) <= {"LC_CTYPE"}


def test_a_program_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command_function, "SECONDS", 0.2)
    process = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(60)"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    with pytest.raises(StartFailed):
        command_function.ask(process, "", {})

    assert process.returncode == -9


@pytest.mark.parametrize(
    "answer", [b"", b"{", b"[]", b"[" * 100_000, b'{"value": 5}', b'{"error": 5}', b"\xff", b"x" * (1 << 21)]
)
def test_what_a_broken_engine_writes_is_refused(answer: Any) -> None:
    with pytest.raises(StartFailed):
        read(answer)


def test_a_command_does_not_show_in_a_repr() -> None:
    assert SECRET not in repr(Command(SECRET, (SECRET,), {"A": SECRET}))

"""The program that evaluates one `commandFunction`: JavaScript of strangers, in a process that may crash.

`mooring.command_function` starts it as `python -I -S <this file> <folder of quickjs>`; it imports nothing of
ours. It reads `{"source", "config"}` from its standard input and writes `{"value", "env"}`, or `{"error"}`
with one of few words, to its standard output. `detail` comes with a syntax error only: that one is found
before the configuration is read, so it cannot repeat it.
"""

from __future__ import annotations

import json
import re
import resource
import sys

TYPE_CHECKING = False  # as typing has it, whose import would double the time this program takes
if TYPE_CHECKING:
    from typing import Any

SECONDS = 0.25  # of CPU; a function that builds a command line takes well under a millisecond
MEMORY_BYTES = 16 * 1024 * 1024
STACK_BYTES = 256 * 1024
ANSWER_CHARACTERS = 65_536
_CPU_SECONDS = 2  # should the engine's own clock not be asked
_ADDRESS_SPACE = 512 * 1024 * 1024  # of the interpreter, with the engine in it
_MAX_JOBS = 1000  # of promises
_DECLARED = re.compile(
    r"^\s*(?:async\s+)?(?:function\s*\*?|const|let|var)\s+([A-Za-z_$][\w$]*)", re.MULTILINE
)
_EXPORT = re.compile(
    r"^\s*export\s+default\s+|^\s*export\s+(?=(?:async\s+)?function|const|let|var)", re.MULTILINE
)
_TYPED = re.compile(
    r"^(\s*(?:async\s*)?\(\s*\{?[\w\s,]*\}?)\s*:\s*[\w<>\[\], ]+\)(\s*:\s*[\w<>\[\], ]+)?\s*=>"
)

# Nothing of a source runs before it is called with the configuration: compiled, it is the body of a function.
_AS_EXPRESSION = "(function (config, module, exports) {{ return (\n{}\n); }})"
_AS_METHOD = "(function (config, module, exports) {{ return ({{\n{}\n}}); }})"
_AS_BODY = "(function (config, module, exports) {{\n{}\n}})"

_RUN = r"""
((parse, stringify, isArray, define, kinds) => {
  const env = {};
  const nothing = () => undefined;
  const process = { env, argv: ["node"], platform: "linux", arch: "x64", version: "v22.0.0", versions: {},
                    cwd: () => ".", pid: 1 };
  define(globalThis, "process", { value: process });
  define(globalThis, "console", { value: { log: nothing, info: nothing, warn: nothing, error: nothing,
                                           debug: nothing } });
  let text;
  const finish = (value) => { text = stringify({ value, env }); };
  // Caught here: what is thrown may be anything, and is not asked for its text.
  const threw = (error) => {
    const kind = kinds.find((kind) => error instanceof kind);
    text = stringify({ error: "threw", name: kind ? kind.name : "an exception" });
    return text;
  };
  const called = (made, config) => {
    if (typeof made === "function") return called(made(config), config);
    if (made && typeof made === "object" && !isArray(made)) {
      if (typeof made.commandFunction === "function") return called(made.commandFunction(config), config);
      if (typeof made.default === "function") return called(made.default(config), config);
      if (typeof made.then === "function") {
        made.then((value) => finish(called(value, config))).then(undefined, threw);
        return made;
      }
    }
    return made;
  };
  const run = (make, script, names, json) => {
    const config = parse(json);
    if (config.config === undefined) define(config, "config", { value: config });
    define(globalThis, "config", { value: config, configurable: true, writable: true });
    const module = { exports: {} };
    let made = make ? make(config, module, module.exports) : undefined;
    const exported = module.exports;
    if (made === undefined && (typeof exported === "function" || Object.keys(exported ?? {}).length)) {
      made = exported;
    }
    if (made === undefined && script !== undefined) {
      made = (0, eval)(script);
      for (const name of parse(names)) {
        if (typeof made === "function" || (made && typeof made === "object")) break;
        made = (0, eval)(`{ ${script}\n; ${name} }`);
      }
    }
    const value = called(made, config);
    if (value && typeof value === "object" && typeof value.then === "function") return undefined;
    finish(value);
    return text;
  };
  return (make, script, names, json) => {
    if (json === undefined) return text;
    try {
      return run(make, script, names, json);
    } catch (error) {
      return threw(error);
    }
  };
})(JSON.parse, JSON.stringify, Array.isArray, Object.defineProperty,
   [InternalError, TypeError, ReferenceError, RangeError, SyntaxError, URIError, EvalError, Error])
"""


def evaluate(quickjs: Any, source: str, config: dict[str, Any]) -> dict[str, Any] | str:
    """Return the answer: `{"value", "env"}` or `{"error"}`."""
    context = quickjs.Context()
    context.set_memory_limit(MEMORY_BYTES)
    context.set_max_stack_size(STACK_BYTES)
    context.set_time_limit(SECONDS)
    try:
        run = context.eval(_RUN)
        make, script, failure = _compiled(quickjs, context, _plain(source))
        if failure:
            return failure
        names = json.dumps(list(reversed(_DECLARED.findall(script or ""))))
        text = run(make, script, names, json.dumps(config))
        for _ in range(_MAX_JOBS):
            if text is not None or not context.execute_pending_job():
                break
            text = run()
        return _answer(text)
    except quickjs.StackOverflow:
        return {"error": "stack"}
    except quickjs.JSException as error:
        return _thrown(str(error))
    except MemoryError:
        return {"error": "memory"}


def _plain(source: str) -> str:
    """Return `source` as an expression where it is one: without module syntax, types and a last semicolon."""
    source = _EXPORT.sub(lambda found: "module.exports = " if "default" in found[0] else "", source)
    source = _TYPED.sub(lambda found: found[1] + ") =>", source)
    return re.sub(r";\s*$", "", source.rstrip())


def _compiled(quickjs: Any, context: Any, source: str) -> tuple[Any, str | None, dict[str, Any] | None]:
    """Return what makes the function, or the script whose last value is it, or why there is neither."""
    failures = []
    for form in (_AS_EXPRESSION, _AS_METHOD, _AS_BODY):
        try:
            make = context.eval(form.format(source))
        except quickjs.JSException as error:
            failures.append(str(error))
            continue
        return (make, None if form is not _AS_BODY else source, None)
    first = failures[0]
    if not first.startswith("SyntaxError"):
        return None, None, _thrown(first)
    # The line of the first form, less the one before the source.
    found = re.search(r":(\d+)(?::\d+)?\)?\s*$", first, re.MULTILINE)
    message = first.splitlines()[0].partition(": ")[2]
    line = int(found[1]) - 1 if found else 0
    return None, None, {"error": "syntax", "detail": message[:200], "line": line}


def _answer(text: str | None) -> dict[str, Any] | str:
    if text is None:
        return {"error": "unsettled"}
    if len(text) > ANSWER_CHARACTERS:
        return {"error": "size"}
    return text


def _thrown(message: str) -> dict[str, Any]:
    name, _, rest = message.partition(":")
    if name == "InternalError":
        for word, kind in (("interrupted", "time"), ("out of memory", "memory"), ("stack", "stack")):
            if word in rest:
                return {"error": kind}
    if name == "RangeError" and "call stack" in rest:
        return {"error": "stack"}
    return {"error": "threw", "name": "an exception"}


def main() -> None:
    sys.path.append(sys.argv[1])
    import quickjs

    question = json.loads(sys.stdin.buffer.read())
    for kind, limit in (
        (resource.RLIMIT_CPU, _CPU_SECONDS),
        (resource.RLIMIT_AS, _ADDRESS_SPACE),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 3),
        (resource.RLIMIT_NPROC, 0),
    ):
        _, hard = resource.getrlimit(kind)
        lowest = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(kind, (lowest, lowest))
    answer = evaluate(quickjs, question["source"], question["config"])
    sys.stdout.write(answer if isinstance(answer, str) else json.dumps(answer))
    sys.stdout.flush()


if __name__ == "__main__":
    main()

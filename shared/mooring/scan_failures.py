"""Why a scan came to nothing, and what to do about it: the cause in one line, one next step (no I/O)."""

import re
from collections.abc import Mapping
from typing import Any, Literal

from mooring.errors import ChildExited, ConnectionGone, Data, InvalidConfig, MooringError, ScanFailed

LAZY_LOADING = (
    "Let the server list its tools without keys or configuration, and use them on the first tool call: "
    "what it offers can only be shown then. Or give a configuration for this scan, which is not kept"
)

_AUTHORIZE = "Give the access token of an account for the scan, as a header Authorization; it is not kept"
_GIVE_KEY = (
    "Give the header with the API key that it wants, for the scan; it is not kept. A server that wants OAuth "
    "has to answer 401 with WWW-Authenticate: Bearer"
)
_FORBIDDEN = (
    "A server that wants a credential has to answer 401, not 403; if a firewall or bot protection stands "
    "before it, let requests with User-Agent MooringScan pass, or serve /.well-known/mcp/server-card.json"
)
_WRONG_ADDRESS = (
    "Give the address that MCP clients use, often ending in /mcp; it must speak Streamable HTTP, not SSE"
)
_METADATA = re.compile(r'resource_metadata="?([^",\s]+)')

Needs = Literal["auth", "config"]

_SHOWN_CHARACTERS = 300
# What a server may lack, and how it says that it does: both in one line.
_SECRET = re.compile(
    r"api[ _-]?keys?|\btokens?\b|(access|auth|bearer)[ _-]?tokens?|secret|credential|password"
    r"|connection string|environment variable|\benv(ironment)? ?vars?\b|\benv\b|configuration|\bconfig\b"
    r"|\bargument|\boption|(^|\s)--?[a-z][\w-]+|(?-i:\b[A-Z][A-Z0-9]*(_[A-Z0-9]+)+\b)",
    re.IGNORECASE,
)
_LACKING = re.compile(
    r"missing|require|not (been )?(set|provided|defined|specified|configured|found|given)|undefined|unset"
    r"|must (be|have)|is empty|please|\bno \w+ (key|token)|need|invalid|expected|usage|could not (find|load)"
    r"|set the|without|KeyError|provide",
    re.IGNORECASE,
)
_PLAIN = re.compile(
    r"unauthori[sz]ed|authentication (failed|required|error)|\b401\b|not (logged|signed) in|invalid_type"
    r"|KeyError: '[A-Z0-9]+(_[A-Z0-9]+)+'|Field required|^usage:|positional argument"
    r"|the following arguments are required|Missing required",
    re.IGNORECASE,
)
_NATIVE = re.compile(
    r"invalid ELF header|wrong ELF class|GLIBC(XX)?_[\d.]+|Exec format error|ERR_DLOPEN_FAILED"
    r"|NODE_MODULE_VERSION|cannot open shared object file|undefined symbol|No native build was found"
    r"|Illegal instruction|Error relocating|Cannot find module '[^']*\.node'"
    r"|Could not locate the bindings file",
)
_NO_MODULE = re.compile(
    r"ModuleNotFoundError: No module named '(?P<python>[^']+)'|(?P<other>ImportError: .*)"
    r"|Cannot find (?:module|package) '(?P<node>[^']+)'|(?P<code>ERR_MODULE_NOT_FOUND|ERR_REQUIRE_ESM)"
)
_SERVES_HTTP = re.compile(
    r"https?://(localhost|127\.|0\.0\.0\.0|\[::)|listening (on|at)|running on .*\d{4}", re.IGNORECASE
)
_NATIVE_SIGNALS = frozenset({"SIGSEGV", "SIGILL", "SIGBUS", "SIGTRAP", 4, 5, 7, 11})
_NOT_FOUND = frozenset({126, 127})


def failed(message: str, advice: str, needs: Needs | None = None, data: Data | None = None) -> ScanFailed:
    """Return the error of a scan; `data` is what else is known."""
    return ScanFailed(message, {**(data or {}), "advice": advice, **({"needs": needs} if needs else {})})


def explained(error: MooringError, waiting_for: str) -> MooringError:
    """Return what `error`, of the session of a scan, means for the server that was to be scanned.

    An error that says nothing about the server stays what it is: no credential, no room, a lost worker.
    """
    match error:
        case ScanFailed():
            return error
        case InvalidConfig():
            return failed(error.message, LAZY_LOADING, "config", error.data)
        case ChildExited():
            return _of_end(error)
        case _ if type(error) is MooringError or isinstance(error, ConnectionGone):
            return of_answer(error.message, error.data, waiting_for)
    return error


def of_silence(seconds: float, waiting_for: str) -> ScanFailed:
    """Return the error of a server that was waited for in vain."""
    return failed(
        f"{waiting_for} was not answered within {seconds:g} s",
        "Look at what it printed, if its log is kept (mooring logs): a server that prints something else "
        "than MCP on stdout, or waits at its start for input, a network or a login, never answers",
    )


def of_nonsense(problem: str, waiting_for: str) -> ScanFailed:
    """Return the error of a server whose answers are not MCP."""
    return failed(
        f"the answer to {waiting_for} is not what MCP allows: {_clipped(problem)}",
        "Correct what the server answers; a current SDK for its language does",
    )


def wanted_configuration(text: str) -> str | None:
    """Return the first line that says that a key, a setting or an argument is missing."""
    for line in text.splitlines():
        if _PLAIN.search(line) or (_LACKING.search(line) and _SECRET.search(line)):
            return _clipped(line.strip())
    return None


def _of_end(error: ChildExited) -> ScanFailed:
    """Return what the end of a server's process means."""
    data: Data = error.data or {}
    lines = data.get("stderr") or []
    text = lines if isinstance(lines, str) else "\n".join(map(str, lines))
    code, signal = data.get("exitCode"), data.get("signal")
    cause, advice, needs = _cause_of_end(error.message, text, code, signal, bool(data.get("outOfMemory")))
    return failed(cause, advice, needs, data)


def _cause_of_end(
    message: str, text: str, code: Any, signal: Any, is_out_of_memory: bool
) -> tuple[str, str, Needs | None]:
    if (code is None and signal is None) or code in _NOT_FOUND:
        return (
            message,
            "Correct the command that starts it: it has to be in the release or on the worker",
            None,
        )
    if is_out_of_memory:
        return message, "Let it use less memory at its start, or give its sessions more", None
    if _NATIVE.search(text) or signal in _NATIVE_SIGNALS:
        what = "native code that this machine cannot run"
        return f"{message}: it has {what}", "Build the release for the workers' platform, or do without", None
    if found := _NO_MODULE.search(text):
        name = found["python"] or found["node"] or found["other"] or "one that it imports"
        return (
            f"{message}: a module is missing: {_clipped(name)}",
            "Add it to the package's dependencies (those for development are not installed)",
            None,
        )
    if line := wanted_configuration(text):
        return f"{message}, for want of configuration: {line}", LAZY_LOADING, "config"
    if _SERVES_HTTP.search(text):
        return f"{message}: it serves HTTP, it seems", "Have the command start it on stdio", None
    return message, "Run the same command by hand: it must stay and read MCP from its stdin", None


def of_answer(message: str, data: Any, waiting_for: str) -> ScanFailed:
    """Return the error of a server that answered `waiting_for` with an error."""
    said = _clipped(message)
    if wanted_configuration(f"{message}\n{data or ''}"):
        return failed(f"{waiting_for} was refused for want of configuration: {said}", LAZY_LOADING, "config")
    return failed(
        f"{waiting_for} was answered with an error: {said}", "Correct the server: every client gets the same"
    )


def of_status(status: int, headers: Mapping[str, str]) -> ScanFailed | None:
    """Return the error of a server elsewhere by the HTTP status and headers that it answered last.

    None: they say nothing, and the answer itself has to.
    """
    kept = {"status": status}
    challenge = headers.get("www-authenticate", "")
    location = headers.get("location", "")
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    match status:
        case 401 if "bearer" in challenge.lower():
            found = _METADATA.search(challenge)
            known = {**kept, "resourceMetadata": found[1]} if found else kept
            return failed("it wants authorization (401, with a Bearer challenge)", _AUTHORIZE, "auth", known)
        case 401:
            return failed("it wants a credential (401, without a Bearer challenge)", _GIVE_KEY, "auth", kept)
        case 403:
            return failed("it refuses the scan (403)", _FORBIDDEN, None, kept)
        case 429:
            return failed("it has been asked too often (429)", "Scan again in some minutes", None, kept)
        case _ if 300 <= status < 400:
            return failed(
                f"it redirects to {_clipped(location) or 'somewhere else'} ({status}), which is not followed",
                "Give the address of the MCP endpoint itself, if that is the one",
                None,
                kept,
            )
        case _ if media_type in ("text/html", "application/xhtml+xml"):
            return failed(f"it answers with a web page ({status})", _WRONG_ADDRESS, None, kept)
        case 404 | 405 | 410:
            return failed(f"there is no MCP endpoint at this address ({status})", _WRONG_ADDRESS, None, kept)
        case _ if status >= 500:
            return failed(f"it fails ({status})", "Look at the server's own log, and scan again", None, kept)
    return None


def _clipped(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN_CHARACTERS else line[: _SHOWN_CHARACTERS - 1] + "…"

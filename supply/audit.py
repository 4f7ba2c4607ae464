"""Look up every pinned package in the databases of known vulnerabilities: `python -m supply.audit`.

Fails on a vulnerability that `ignored.toml` does not let pass. What could not be looked up is named and
fails nothing: a machine without a network can still lint. An error of the tools themselves fails.
"""

import argparse
import json
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
NODE_LOCK = Path("tests/clients/node/package-lock.json")
# For one lock. pip-audit asks once per package.
AUDIT_SECONDS = 120
# What pip-audit and npm say when nobody answers, or answers with something else.
_NO_ANSWER = (
    *(
        "ConnectionError",
        "ConnectTimeout",
        "ReadTimeout",
        "SSLError",
        "ProxyError",
        "HTTPError",
        "ServiceError",
    ),
    *("audit endpoint", "ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "network"),
)


@dataclass
class Findings:
    vulnerable: list[str] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)


class NoAnswer(Exception):
    """The database could not be asked; the text says why."""


class ToolFailed(Exception):
    """A tool ended in a way that says nothing about vulnerabilities; the text is the end of what it said."""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Look up pinned packages in databases of vulnerabilities.")
    parser.add_argument("--pip-audit", default=str(ROOT / ".venv-supply" / "bin" / "pip-audit"))
    parser.add_argument("--npm", default="npm")
    parser.add_argument("--root", type=Path, default=ROOT)
    parser.add_argument("--ignored", type=Path, default=Path(__file__).with_name("ignored.toml"))
    options = parser.parse_args(arguments)
    ignored, findings = read_ignored(options.ignored, datetime.now(UTC).date())
    locks = sorted(path for path in options.root.rglob("*.lock") if not _is_installed(path, options.root))
    for lock in locks:
        name = str(lock.relative_to(options.root))
        _look(findings, name, lambda lock=lock: _pip_audit(options.pip_audit, lock), ignored)
    _look(findings, str(NODE_LOCK), lambda: _npm_audit(options.npm, options.root / NODE_LOCK.parent), ignored)
    for text in findings.unchecked:
        print(f"not checked: {text}")
    for text in (*findings.vulnerable, *findings.broken):
        print(text, file=sys.stderr)
    print(
        f"Looked at {len(locks) + 1} locks: {len(findings.vulnerable)} known vulnerabilities, "
        f"{len(findings.unchecked)} not checked, {len(ignored)} ignored by name"
    )
    return 1 if findings.vulnerable or findings.broken else 0


def read_ignored(path: Path, today: date) -> tuple[frozenset[str], Findings]:
    """Return the ids to let pass; what is wrong with an entry is a finding of its own."""
    findings = Findings()
    ids = set()
    for entry in tomllib.loads(path.read_text(encoding="utf-8")).get("ignored", []):
        if not all(entry.get(name) for name in ("id", "reason", "since", "until")):
            findings.broken.append(f"{path.name}: {entry} needs id, reason, since and until")
        elif entry["until"] < today:
            findings.broken.append(
                f"{path.name}: {entry['id']} was ignored until {entry['until']}: look again"
            )
        else:
            ids.add(str(entry["id"]))
    return frozenset(ids), findings


def _is_installed(path: Path, root: Path) -> bool:
    return any(part.startswith(".") or part == "node_modules" for part in path.relative_to(root).parts)


def _look(findings: Findings, lock: str, audit: Any, ignored: frozenset[str]) -> None:
    try:
        vulnerable, skipped = audit()
    except NoAnswer as error:
        findings.unchecked.append(f"{lock}: {error}")
    except ToolFailed as error:
        findings.broken.append(f"{lock}: {error}")
    else:
        findings.vulnerable += [f"{lock}: {text}" for ids, text in vulnerable if not ids & ignored]
        if skipped:
            shown = ", ".join(skipped[:3]) + (f" and {len(skipped) - 3} more" if len(skipped) > 3 else "")
            findings.unchecked.append(f"{lock}: the database did not answer for {shown}")


def _pip_audit(program: str, lock: Path) -> tuple[list[tuple[set[str], str]], list[str]]:
    answer = _run([program, "-r", str(lock), "--disable-pip", "--require-hashes", *_JSON], lock.parent)
    dependencies: list[dict[str, Any]] = answer["dependencies"]
    vulnerable = [
        (
            {one["id"], *one.get("aliases", ())},
            f"{each['name']} {each['version']} has {one['id']}; {_fixed(one.get('fix_versions', ()))}",
        )
        for each in dependencies
        for one in each.get("vulns", ())
    ]
    return vulnerable, [each["name"] for each in dependencies if "skip_reason" in each]


_JSON = ("--format", "json", "--progress-spinner", "off")


def _npm_audit(program: str, folder: Path) -> tuple[list[tuple[set[str], str]], list[str]]:
    answer = _run([program, "audit", "--json", "--package-lock-only"], folder)
    if "vulnerabilities" not in answer:
        raise NoAnswer(answer.get("message") or str(answer.get("error") or answer))
    vulnerable = []
    for name, entry in answer["vulnerabilities"].items():
        # A name instead of an advisory says that the package depends on a vulnerable one, listed too.
        for one in (via for via in entry["via"] if isinstance(via, dict)):
            ids = {str(one.get("source")), one["url"].rpartition("/")[2]}
            text = f"{name} {one['range']} has {one['url']} ({one['title']}); " + (
                "an upgrade fixes it" if entry.get("fixAvailable") else "no version fixes it yet"
            )
            vulnerable.append((ids, text))
    return vulnerable, []


def _fixed(versions: Iterable[str]) -> str:
    return f"fixed in {', '.join(versions)}" if versions else "no version fixes it yet"


def _run(command: list[str], folder: Path) -> dict[str, Any]:
    """Return the JSON that `command` prints. Its exit status says whether it found something: not needed."""
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, check=False, timeout=AUDIT_SECONDS
        )
    except subprocess.TimeoutExpired:
        raise NoAnswer(f"no answer within {AUDIT_SECONDS} s") from None
    except OSError as error:
        raise ToolFailed(f"{command[0]} cannot be run: {error.strerror}") from None
    try:
        answer: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        last = (done.stderr.strip() or done.stdout.strip() or f"exit status {done.returncode}").splitlines()
        if any(sign in line for line in last for sign in _NO_ANSWER):
            raise NoAnswer(last[-1]) from None
        raise ToolFailed("\n".join(last[-5:])) from None
    return answer


if __name__ == "__main__":
    sys.exit(main())

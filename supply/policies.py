"""Check a template against checkov's policies, but for those that `policies.toml` gives a reason against.

`python -m supply.policies template.yaml`. An entry that finds nothing any more fails too: the list is true.
"""

import argparse
import json
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
CHECK_SECONDS = 300


@dataclass(frozen=True)
class Finding:
    check: str
    resource: str
    says: str


@dataclass(frozen=True)
class Skip:
    check: str
    resource: str
    """Its name in the template, or `*`."""

    def covers(self, finding: Finding) -> bool:
        return self.check == finding.check and self.resource in ("*", finding.resource)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Check a template against checkov's policies.")
    parser.add_argument("template", type=Path)
    parser.add_argument("--checkov", default=str(ROOT / ".venv-checkov" / "bin" / "checkov"))
    parser.add_argument("--skips", type=Path, default=Path(__file__).with_name("policies.toml"))
    options = parser.parse_args(arguments)
    skips = read_skips(options.skips.read_text(encoding="utf-8"))
    passed, findings = asked(options.checkov, options.template)
    open_ones = [finding for finding in findings if not any(skip.covers(finding) for skip in skips)]
    stale = [skip for skip in skips if not any(skip.covers(finding) for finding in findings)]
    for finding in open_ones:
        print(f"{finding.resource}: {finding.check}: {finding.says}", file=sys.stderr)
    for skip in stale:
        print(
            f"{options.skips.name}: {skip.check} for {skip.resource} finds nothing: remove it",
            file=sys.stderr,
        )
    skipped = len(findings) - len(open_ones)
    print(f"{passed} checks passed, {skipped} are skipped for a reason, {len(open_ones)} failed")
    return 1 if open_ones or stale else 0


def read_skips(text: str) -> list[Skip]:
    """Return an entry for each resource.

    Raises:
        ValueError: an entry has no reason or no resource.
    """
    skips = []
    for entry in tomllib.loads(text).get("skipped", []):
        if not all(entry.get(name) for name in ("check", "resources", "reason")):
            raise ValueError(f"{entry} needs check, resources and a reason")
        skips += [Skip(entry["check"], resource) for resource in entry["resources"]]
    return skips


def asked(checkov: str, template: Path) -> tuple[int, list[Finding]]:
    """Return how many checks passed, and what failed.

    Raises:
        ValueError: checkov did not answer, or could not read the template or found nothing in it.
    """
    command = [checkov, "--file", str(template), "--framework", "cloudformation", "--skip-download"]
    options = ["--output", "json", "--quiet", "--compact"]
    done = subprocess.run(
        [*command, *options], capture_output=True, text=True, check=False, timeout=CHECK_SECONDS
    )
    try:
        answer: dict[str, Any] = json.loads(done.stdout)
        summary, failed = answer["summary"], answer["results"]["failed_checks"]
    except (ValueError, KeyError, TypeError):
        raise ValueError(
            f"checkov did not check {template}: {done.stderr[-2000:] or done.stdout[-2000:]}"
        ) from None
    if summary["parsing_errors"] or not summary["resource_count"]:
        raise ValueError(f"checkov could not read {template}: {summary}")
    return summary["passed"], list(_findings(failed))


def _findings(failed: Iterable[dict[str, Any]]) -> Iterable[Finding]:
    for each in failed:
        yield Finding(each["check_id"], each["resource"].rpartition(".")[2], each["check_name"])


if __name__ == "__main__":
    sys.exit(main())

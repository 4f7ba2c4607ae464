"""Write what the worker's image consists of as CycloneDX JSON: `.venv-supply/bin/python -m supply.sbom`.

Always: the Python packages of worker/requirements.lock, with their hashes. With `--image`, which Docker asks:
its Debian packages, its Python and its Node. What is written has been held to CycloneDX's own schema.
"""

import argparse
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import quote

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "worker" / "requirements.lock"
VERSION = SchemaVersion.V1_6
ASK_SECONDS = 60
Component = dict[str, Any]
# Where worker/Dockerfile puts them.
_PROGRAMS = {"python": "/opt/mooring/bin/python", "node": "/usr/local/bin/node"}


class NotWritten(Exception):
    """There is no SBOM; the text says why."""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Write the SBOM of the worker's image.")
    parser.add_argument("--image", help="a built image; without one the locked packages are all there is")
    parser.add_argument("--docker", default="docker")
    parser.add_argument("--output", type=Path, help="a file; without one it is only validated")
    options = parser.parse_args(arguments)
    try:
        installed: list[Component] = []
        if options.image:
            installed += debian_packages(options.docker, options.image)
            installed += programs(options.docker, options.image)
        document = locked_packages(LOCK)
        document["components"] += installed
        text = finished(document, options.image)
        validate(text)
    except NotWritten as error:
        print(error, file=sys.stderr)
        return 1
    if options.output:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(text, encoding="utf-8")
    where = options.output or "nowhere: only validated"
    print(f"{len(document['components'])} components, from {options.image or LOCK.name}, written to {where}")
    return 0


def locked_packages(lock: Path) -> dict[str, Any]:
    """Return the document that cyclonedx-py makes of a lock."""
    program = Path(sys.executable).with_name("cyclonedx-py")
    document: dict[str, Any] = json.loads(
        _said(
            [str(program), "requirements", str(lock), "--of", "JSON", "--sv", "1.6", "--output-reproducible"]
        )
    )
    for component in document["components"]:
        component.pop("description", None)  # the line of the lock again, with all its hashes
    return document


def debian_packages(docker: str, image: str) -> list[Component]:
    fields = "${db:Status-Abbrev}\t${Package}\t${Version}\t${Architecture}\t${source:Package}\n"
    listing = _asked(docker, image, "dpkg-query", "--show", f"--showformat={fields}")
    components = []
    for line in listing.splitlines():
        status, name, version, architecture, source = line.split("\t")
        if status.strip() == "ii":
            purl = f"pkg:deb/debian/{quote(name)}@{quote(version)}?arch={architecture}"
            properties = [{"name": "debian:source", "value": source}]
            components.append(_component("library", name, version, purl, properties=properties))
    return components


def programs(docker: str, image: str) -> list[Component]:
    components = []
    for name, path in _PROGRAMS.items():
        version = re.search(r"\d+(\.\d+)+", _asked(docker, image, path, "--version"))
        if version is None:
            raise NotWritten(f"{path} in {image} did not say its version")
        components.append(_component("platform", name, version[0], f"pkg:generic/{name}@{version[0]}"))
    return components


def finished(document: dict[str, Any], image: str | None) -> str:
    """Return the text, the same for the same content: without a time or a serial number."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    subject = _component("container", "mooring-worker", project["version"], "")
    subject["properties"] = [{"name": "mooring:from", "value": image or "worker/requirements.lock"}]
    document.setdefault("metadata", {})["component"] = subject
    document["components"].sort(key=lambda component: component["name"])
    return json.dumps(document, indent=1, sort_keys=True) + "\n"


def validate(text: str) -> None:
    """Hold it to the schema.

    Raises:
        NotWritten: it does not fit, with the first thing that does not.
    """
    if error := JsonStrictValidator(VERSION).validate_str(text):
        raise NotWritten(f"the SBOM does not fit CycloneDX {VERSION.to_version()}: {str(error)[:500]}")


def _component(kind: str, name: str, version: str, purl: str, **more: Any) -> Component:
    return {
        "type": kind,
        "bom-ref": purl or name,
        "name": name,
        "version": version,
        **({"purl": purl} if purl else {}),
        **more,
    }


def _asked(docker: str, image: str, program: str, *arguments: str) -> str:
    return _said([docker, "run", "--rm", "--network", "none", "--entrypoint", program, image, *arguments])


def _said(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=ASK_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotWritten(f"{command[0]} did not answer: {error}") from None
    if done.returncode:
        raise NotWritten(f"{' '.join(command[:2])} failed: {done.stderr.strip()[-500:]}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())

"""The list of what the worker's image consists of is complete, and is CycloneDX."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
PYTHON = ROOT / ".venv-supply" / "bin" / "python"
# What is asked of an image, and what one answers.
DOCKER = r"""#!/bin/sh
case "$*" in
*dpkg-query*) printf 'ii \tlibc6\t2.36-9+deb12u10\tamd64\tglibc\nrc \tgone\t1\tall\tgone\n' ;;
*/node*) echo v22.11.0 ;;
*/python*) echo Python 3.13.1 ;;
esac
"""


HARMS = {"type": "thing", "strange": 1, "bom-ref": 5}


def made(*arguments: str, code: str = "import sys; from supply import sbom; sys.exit(sbom.main())") -> Any:
    command = [str(PYTHON), "-c", code, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("sbom")
    (folder / "docker").write_text(DOCKER)
    (folder / "docker").chmod(0o755)
    output = folder / "made" / "sbom.json"
    done = made("--output", str(output), "--docker", str(folder / "docker"), "--image", "worker:1")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(output.read_text(encoding="utf-8"))
    return found


def test_every_locked_package_of_the_worker_is_listed_with_its_hashes(document: dict[str, Any]) -> None:
    lock = (ROOT / "worker" / "requirements.lock").read_text(encoding="utf-8")
    pinned = {f"pkg:pypi/{name}@{version}" for name, version in re.findall(r"^(\S+)==(\S+)", lock, re.M)}
    listed = {each["purl"]: each for each in document["components"] if each["purl"].startswith("pkg:pypi/")}
    assert set(listed) == pinned
    assert all(each["externalReferences"][0]["hashes"] for each in listed.values())


def test_an_image_adds_its_debian_packages_its_python_and_its_node(document: dict[str, Any]) -> None:
    purls = {component["purl"] for component in document["components"]}
    others = {purl for purl in purls if not purl.startswith("pkg:pypi/")}
    debian = "pkg:deb/debian/libc6@2.36-9%2Bdeb12u10?arch=amd64"
    assert others == {debian, "pkg:generic/node@22.11.0", "pkg:generic/python@3.13.1"}


def test_an_image_that_does_not_answer_gives_no_list(tmp_path: Path) -> None:
    done = made("--output", str(tmp_path / "sbom.json"), "--docker", "false", "--image", "worker:1")
    assert done.returncode == 1
    assert not (tmp_path / "sbom.json").exists()


def test_what_does_not_fit_the_schema_is_refused(document: dict[str, Any]) -> None:
    spoilt = []
    for field, value in HARMS.items():
        first, *others = document["components"]
        spoilt.append(json.dumps({**document, "components": [{**first, field: value}, *others]}))
    code = """
import json, sys
from supply import sbom
for text in json.loads(sys.argv[1]):
    try:
        sbom.validate(text)
    except sbom.NotWritten as error:
        print(str(error)[:34])
"""
    done = made(json.dumps(spoilt), code=code)
    assert done.stdout.splitlines() == ["the SBOM does not fit CycloneDX 1."] * len(HARMS), done.stderr

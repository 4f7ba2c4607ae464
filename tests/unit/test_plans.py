"""What would be built and run, of files and folders."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from mooring_local import plans, sources
from mooring_local.plans import NoPlan, Plan

ROOT = Path(__file__).parents[2]
OURS = ROOT / "tests" / "data" / "smithery_yaml"
SHARED = next(
    (at / "shared/data/smithery-yaml" for at in ROOT.parents if (at / "shared/data/smithery-yaml").is_dir()),
    None,
)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("expected", lines(OURS / "expected.jsonl"), ids=lambda line: line["file"])
def test_every_form_gives_its_launch_or_a_clear_refusal(expected: dict[str, Any]) -> None:
    plan = plans.of_text((OURS / f"{expected['file']}.yaml").read_text(encoding="utf-8"))

    assert (plan.kind, plan.launch, plan.reason) == (expected["kind"], expected["launch"], expected["reason"])


def test_every_file_of_ours_is_expected() -> None:
    assert {path.stem for path in OURS.glob("*.yaml")} == {
        line["file"] for line in lines(OURS / "expected.jsonl")
    }


@pytest.mark.skipif(SHARED is None, reason="the files of public repositories are not here")
@pytest.mark.parametrize("is_given", [True, False], ids=["its config", "a made up config"])
def test_files_of_public_repositories_give_what_they_should(is_given: bool) -> None:
    assert SHARED
    wrong: list[tuple[object, ...]] = []
    for line in lines(SHARED / "expected.jsonl"):
        file = SHARED / "raw" / f"{line['repo'].replace('/', '__')}.yaml"
        plan = sources.plan(str(file), line["config"] if is_given else None)
        launch = line["launch"] if line["kind"] != "container-http" else None
        if (plan.kind, plan.launch, plan.config_schema) != (line["kind"], launch, line["configSchema"]):
            wrong.append((line["repo"], plan.kind, plan.launch, plan.reason))
        place = re.search(r"line \d+", line["reason"] or "")
        if not plan.launch and (not plan.reason or (place and place[0] not in plan.reason)):
            wrong.append((line["repo"], plan.reason))
    assert wrong == []


@pytest.mark.skipif(SHARED is None, reason="the files of public repositories are not here")
def test_with_its_dockerfile_an_image_s_start_is_known_too(tmp_path: Path) -> None:
    assert SHARED
    for line in lines(SHARED / "expected.jsonl"):
        folder = tmp_path / line["repo"].replace("/", "__")
        folder.mkdir()
        file = SHARED / "raw" / f"{folder.name}.yaml"
        (folder / "smithery.yaml").write_bytes(file.read_bytes())
        image = line["launch"] if line["kind"] == "container-http" else None
        if image:
            said = [
                f"{word.upper()} {json.dumps(image[word])}" for word in ("entrypoint", "cmd") if image[word]
            ]
            (folder / "Dockerfile").write_text("\n".join(["FROM x", *said]))
        plan = sources.plan(str(folder), line["config"])
        assert plan.kind == line["kind"], line["repo"]
        if image:
            words = [*(image["entrypoint"] or []), *(image["cmd"] or [])]
            assert plan.launch == {"command": words[0], "args": words[1:], "env": {"PORT": "8081"}}


def folder(place: Path, **files: str) -> Path:
    for name, text in files.items():
        path = place / name.replace("__", "/").replace("_yaml", ".yaml").replace("_json", ".json")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return place


CONTAINER = "runtime: container\nbuild: {dockerfile: %s, dockerBuildPath: %s}\nstartCommand: {type: http}"


@pytest.mark.parametrize(
    ("dockerfile", "build_path"),
    [
        ("../Dockerfile", "."),
        ("Dockerfile", ".."),
        ("/etc/passwd", "."),
        ("Dockerfile", "link"),
        ("a/../../b", "."),
    ],
)
def test_a_build_that_leads_out_of_the_repository_is_refused(
    tmp_path: Path, dockerfile: str, build_path: str
) -> None:
    (tmp_path / "Dockerfile").write_text('FROM x\nCMD ["outside"]')
    repository = folder(
        tmp_path / "repository", smithery_yaml=CONTAINER % (dockerfile, build_path), Dockerfile="FROM x"
    )
    (repository / "link").symlink_to("..")

    plan = sources.plan(str(repository))

    assert (plan.kind, plan.launch) == ("invalid", None)
    assert "out of the repository" in (plan.reason or "")


def test_a_server_in_a_folder_may_be_built_from_the_top_of_its_repository(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    folder(
        tmp_path,
        server__smithery_yaml=CONTAINER % ("docker/Dockerfile", ".."),
        server__docker__Dockerfile='FROM x AS y\nENTRYPOINT ["no"]\nFROM z\nCMD ["uv", \\\n  "run"]',
    )

    assert sources.plan(str(tmp_path), folder="server").launch == {
        "command": "uv", "args": ["run"], "env": {"PORT": "8081"},
    }  # fmt: skip


@pytest.mark.parametrize("name", ["smithery.yaml", "Dockerfile", "package.json"])
def test_a_file_that_is_a_link_out_of_the_repository_is_not_read(tmp_path: Path, name: str) -> None:
    secrets = {
        "smithery.yaml": "startCommand: secret",
        "Dockerfile": 'FROM x\nCMD ["secret"]',
        "package.json": '{"bin": "secret"}',
    }
    (tmp_path / "secret").write_text(secrets[name])
    (tmp_path / "repository").mkdir()
    (tmp_path / "repository" / name).symlink_to("../secret")

    plan = sources.plan(str(tmp_path / "repository"))

    assert plan.kind == "invalid"
    assert "secret" not in json.dumps(plan.as_json())


def test_a_broken_file_says_what_would_be_without_it(tmp_path: Path) -> None:
    folder(tmp_path, smithery_yaml="a: [", package_json='{"name": "x", "bin": "cli.js"}')

    plan = sources.plan(str(tmp_path))

    assert plan.kind == "invalid"
    assert "line 1" in (plan.reason or "") and "bin of package.json" in (plan.reason or "")


def test_a_file_without_a_start_leaves_it_to_what_else_is_there(tmp_path: Path) -> None:
    folder(
        tmp_path,
        smithery_yaml="name: x",
        package_json='{"name": "x", "scripts": {"start": "node server.js"}}',
    )

    assert sources.plan(str(tmp_path)).launch == {"command": "node", "args": ["server.js"], "env": {}}


SCHEMA = {"type": "object", "required": ["key"], "properties": {"key": {"type": "string"}}}


def declared(body: str) -> str:
    return json.dumps({"startCommand": {"commandFunction": body, "configSchema": SCHEMA}})


def test_the_configuration_that_is_given_counts_and_a_misfit_is_told() -> None:
    text = declared("(c) => ({ command: 'x', args: [c.key] })")

    assert plans.of_text(text, {"key": "k"}) == Plan(
        "stdio", {"command": "x", "args": ["k"], "env": {}}, SCHEMA, None
    )
    plan = plans.of_text(text, {})
    assert plan.launch == {"command": "x", "args": [], "env": {}}
    assert "/key" in (plan.reason or "")


def test_defaults_are_filled_into_a_configuration_that_is_given() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "number", "default": 5}, "b": {}}}
    function = "(c) => ({ command: 'x', args: [c.a.toString(), c.b] })"
    text = json.dumps({"startCommand": {"commandFunction": function, "configSchema": schema}})

    plan = plans.of_text(text, {"b": "given"})
    assert plan.launch and plan.launch["args"] == ["5", "given"]


def test_a_value_of_the_configuration_is_not_filled_in_again() -> None:
    plan = plans.of_text(declared("(c) => ({ command: 'x', args: [c.key] })"), {"key": "${config.key}"})

    assert plan.launch and plan.launch["args"] == ["${config.key}"]


@pytest.mark.parametrize(
    "source", ["nowhere", "ext::sh -c id", "npm:--help", "pypi:-r x", "npm:a b", "git@host:x"]
)
def test_a_source_that_is_nothing_we_know_is_refused(source: str) -> None:
    with pytest.raises(NoPlan):
        sources.plan(source)

"""From a folder to a running release: `mooring deploy`, as its user sees it."""

import shutil
import subprocess
from pathlib import Path

import pytest

from mooring_local.builder import isolation
from tests.integration.releases.conftest import Deployments, Project
from tests.raw_client import raw_client, refusal
from tests.stack import Stack

pytestmark = pytest.mark.integration


def test_a_folder_becomes_a_running_release(deployments: Deployments, project: Project) -> None:
    done = deployments.deploy(project())
    assert done.succeeded, done.stderr
    assert done.release["status"] == "SUCCESS"
    assert [tool["name"] for tool in done.release["tools"]][:2] == ["echo", "sleep"]
    assert "hello" in deployments.call("echo", text="hello")
    release = deployments.release(done.release["id"])
    assert release["isCurrent"]
    stages = [line["stage"] for line in release["logs"]]
    assert sorted(set(stages), key=stages.index) == ["deploy", "scan", "metadata", "publish"]
    assert stages == sorted(stages, key=["deploy", "scan", "metadata", "publish"].index)


def test_an_unchanged_folder_is_not_built_again(deployments: Deployments, project: Project) -> None:
    first, again = deployments.deploy(project()), deployments.deploy(project())
    assert not first.release["isCached"]
    assert again.release["isCached"]
    assert again.release["bundle"] == first.release["bundle"]
    assert again.release["id"] != first.release["id"]
    other = deployments.deploy(project(instead={'"state", "ask"': '"state"'}))
    assert not other.release["isCached"]
    assert "ask" not in deployments.tools()


def test_a_release_that_does_not_start_leaves_the_one_before(
    deployments: Deployments, project: Project
) -> None:
    good = deployments.deploy(project())
    bad = deployments.deploy(project(instead={"calls = 0": "raise SystemExit('no such thing')"}))
    assert not bad.succeeded
    assert bad.release["status"] == "FAILURE_SCAN"
    assert "no such thing" in str(bad.release["error"]) + bad.stderr
    assert deployments.release(good.release["id"])["isCurrent"]
    assert "still here" in deployments.call("echo", text="still here")


def test_a_release_that_cannot_be_built_says_why(
    deployments: Deployments, project: Project, tmp_path: Path
) -> None:
    folder = tmp_path / "nothing"
    folder.mkdir()
    (folder / "notes.md").write_text("no server here")
    done = deployments.deploy(folder)
    assert done.release["status"] == "FAILURE"
    assert "package.json" in done.stderr
    assert "Next:" in done.stderr


def test_a_scan_with_placeholders_is_told_to_list_tools_without_keys(
    deployments: Deployments, project: Project, stack: Stack
) -> None:
    """What is given to the scan alone makes the release, and is kept nowhere."""
    schema = """
startCommand:
  type: stdio
  configSchema: {type: object, required: [apiKey], properties: {apiKey: {type: string}}}
  commandFunction: "(config) => ({command: 'python', args: ['server.py'], env: {API_KEY: config.apiKey}})"
"""
    wants = 'if os.environ.get("API_KEY") != "open-sesame-41":\n    sys.exit("error: API_KEY is missing")\n'
    folder = project(instead={"calls = 0": f"calls = 0\n{wants}"}, smithery_yaml=schema)
    refused = deployments.deploy(folder)
    assert refused.release["status"] == "FAILURE_SCAN"
    assert "--config" in refused.stderr or "without" in refused.stderr
    config = folder.parent / "config.json"
    config.write_text('{"apiKey": "open-sesame-41"}')
    done = deployments.deploy(folder, "--config", str(config))
    assert done.succeeded, done.stderr
    for noun in ("releases", "catalog", "tickets", "profiles"):
        assert "open-sesame-41" not in str(stack.rows(noun))
    kept = subprocess.run(
        ["grep", "-rl", "open-sesame-41", stack.home], capture_output=True, text=True, check=False
    ).stdout.splitlines()
    # The server's own source has it; nothing else.
    assert all(path.endswith("server.py") or "/uploads/" in path for path in kept), kept


def test_secrets_of_a_folder_are_not_sent(deployments: Deployments, project: Project, stack: Stack) -> None:
    folder = project()
    (folder / ".env").write_text("KEY=never-leaves-42")
    (folder / "node_modules").mkdir()
    (folder / "node_modules" / "big").write_text("never-leaves-42")
    done = deployments.deploy(folder)
    assert done.succeeded, done.stderr
    bundle = stack.home / "worker" / "bundles" / done.release["bundle"]
    assert (bundle / "server.py").exists()
    assert not (bundle / ".env").exists()
    assert not (bundle / "node_modules").exists()


def test_what_git_ignores_is_not_sent(deployments: Deployments, project: Project, stack: Stack) -> None:
    folder = project()
    (folder / ".gitignore").write_text("private\n")
    (folder / "private").write_text("x")
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    done = deployments.deploy(folder)
    bundle = stack.home / "worker" / "bundles" / done.release["bundle"]
    assert not (bundle / "private").exists()
    assert (bundle / "server.py").exists()


async def test_a_release_can_be_connected_to_by_its_owner_alone(
    deployments: Deployments, project: Project, stack: Stack
) -> None:
    """Past ones too: what failed can be looked at."""
    first = deployments.deploy(project()).release["id"]
    deployments.deploy(project(instead={'"state", "ask"': '"state"'}))
    url = f"{stack.connect_url(deployments.name)}&release={first}"
    async with raw_client(url) as client:
        await client.initialize()
        tools = (await client.request("tools/list"))["result"]["tools"]
    assert "ask" in [tool["name"] for tool in tools]
    status, key = stack.call("POST", "/keys", {"name": "reader", "role": "client"})
    assert status == 201
    assert (await refusal(url.replace(stack.api_key, key["key"])))[0] == 403
    assert (await refusal(f"{stack.connect_url(deployments.name)}&release=none"))[0] == 404


@pytest.mark.skipif(not isolation.is_isolated(), reason="bubblewrap does not work here")
def test_a_build_cannot_reach_the_platform(deployments: Deployments, project: Project, stack: Stack) -> None:
    """A build script with all it could find out tries the tables, the home, and the key of the operator."""
    endpoint = stack.worker().environ()["AWS_ENDPOINT_URL"]
    attack = f"""
const fs = require('fs');
const tried = {{}};
for (const path of [{str(stack.home)!r}, {str(stack.home / "operator.key")!r}, '/root/.ssh', '/etc/shadow'])
  tried[path] = fs.existsSync(path);
const scan = {{method: 'POST', body: '{{"TableName":"mooring-keys"}}', headers: {{
  'content-type': 'application/x-amz-json-1.0', 'x-amz-target': 'DynamoDB_20120810.Scan',
  authorization: 'AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/dynamodb/aws4_request, '
    + 'SignedHeaders=host, Signature=0'}}}};
fetch({endpoint!r}, scan).then(a => a.status, e => 0).then(status => {{
  tried.tables = status === 200;
  fs.writeFileSync('tried.json', JSON.stringify(tried));
}});
"""
    manifest = (
        '{"name": "attack", "version": "1.0.0", "scripts": {"build": "node attack.js"}, "bin": "main.js"}'
    )
    folder = project()
    for name in ("smithery.yaml", "requirements.txt"):
        (folder / name).unlink()
    (folder / "package.json").write_text(manifest)
    (folder / "attack.js").write_text(attack)
    (folder / "main.js").write_text(
        "require('child_process').spawn('python', ['server.py'], {stdio: 'inherit'})"
    )
    done = deployments.deploy(folder)
    assert done.release["bundle"], done.stderr
    tried = (stack.home / "worker" / "bundles" / done.release["bundle"] / "tried.json").read_text()
    assert "true" not in tried
    assert "tables" in tried
    shutil.rmtree(folder)

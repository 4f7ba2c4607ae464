"""What the template grants, read from it: the emulator enforces the roles, but not everything runs there."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cloud.deployment import TEMPLATE

ROOT = Path(__file__).parents[2]


class Loader(yaml.SafeLoader):
    """Reads CloudFormation's short forms as the objects they stand for."""


def short_form(loader: Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        return {name: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    assert isinstance(node, yaml.MappingNode)
    return {name: loader.construct_mapping(node, deep=True)}


Loader.add_multi_constructor("!", short_form)


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    document: dict[str, Any] = yaml.load(TEMPLATE.read_text(encoding="utf-8"), Loader)
    return document


def statements(template: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Return every statement that allows something, with the resource that has it."""
    found: list[tuple[str, dict[str, Any]]] = []

    def walk(owner: str, value: Any) -> None:
        if isinstance(value, dict):
            if value.get("Effect") == "Allow" and "Action" in value and "Resource" in value:
                found.append((owner, value))
            for one in value.values():
                walk(owner, one)
        elif isinstance(value, list):
            for one in value:
                walk(owner, one)

    for name, resource in template["Resources"].items():
        if resource["Type"] != "AWS::KMS::Key":  # its policy says who may hand out the right to use it
            walk(name, resource)
    return found


def test_nothing_is_granted_on_everything_but_what_has_no_resource(template: dict[str, Any]) -> None:
    everything = [
        (owner, s["Action"])
        for owner, s in statements(template)
        if "*" in json.dumps(s["Resource"]).split('"')
    ]
    assert {action for _, actions in everything for action in actions} == {"ecr:GetAuthorizationToken"}


def test_no_action_is_granted_by_a_wildcard(template: dict[str, Any]) -> None:
    assert [(owner, a) for owner, s in statements(template) for a in s["Action"] if "*" in a] == []


def test_a_worker_may_post_to_clients_and_write_its_rows_and_no_more(template: dict[str, Any]) -> None:
    granted = {a for owner, s in statements(template) if owner == "WorkerTaskRole" for a in s["Action"]}
    assert granted == {
        "execute-api:ManageConnections",
        "dynamodb:PutItem",
        "dynamodb:UpdateItem",
        "dynamodb:DeleteItem",
        "ecs:GetTaskProtection",
        "ecs:UpdateTaskProtection",
    }


def test_a_build_may_write_to_its_log_and_no_more(template: dict[str, Any]) -> None:
    granted = [s for owner, s in statements(template) if owner == "BuildProjectRole"]
    (statement,) = granted
    assert statement["Action"] == ["logs:CreateLogStream", "logs:PutLogEvents"]
    assert statement["Resource"] == {"Fn::GetAtt": "BuildsLog.Arn"}


def test_what_strangers_bring_is_built_without_privileges_without_source_and_not_for_ever(
    template: dict[str, Any],
) -> None:
    project = template["Resources"]["BuildProject"]["Properties"]
    assert project["Environment"]["PrivilegedMode"] is False
    assert project["Environment"]["ImagePullCredentialsType"] == "CODEBUILD"
    assert not {"EnvironmentVariables", "Certificate"} & project["Environment"].keys()
    assert project["Source"]["Type"] == "NO_SOURCE"
    assert project["TimeoutInMinutes"] == {"Ref": "BuildMinutes"}
    assert "VpcConfig" not in project


def test_what_is_only_needed_for_a_build_goes_after_a_week(template: dict[str, Any]) -> None:
    rules = template["Resources"]["BundlesBucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    expiry = {rule.get("Prefix"): rule.get("ExpirationInDays") for rule in rules}
    assert expiry == {None: None, "uploads/": 7, "builds/": 7}


def test_nothing_but_the_functions_reaches_a_worker(template: dict[str, Any]) -> None:
    (rule,) = template["Resources"]["WorkersSecurityGroup"]["Properties"]["SecurityGroupIngress"]
    assert rule["SourceSecurityGroupId"] == {"Fn::GetAtt": "FunctionsSecurityGroup.GroupId"}
    assert not {"CidrIp", "CidrIpv6"} & rule.keys()


def test_no_resource_of_the_stack_is_a_nat_gateway_or_runs_by_the_hour_unasked(
    template: dict[str, Any],
) -> None:
    kinds = {resource["Type"] for resource in template["Resources"].values() if "Condition" not in resource}
    by_the_hour = {
        "AWS::EC2::NatGateway",
        "AWS::EC2::VPCEndpoint",
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
    }
    assert not kinds & by_the_hour
    assert "AWS::EC2::NatGateway" not in {r["Type"] for r in template["Resources"].values()}


def test_what_outlives_the_stack_is_what_cannot_be_made_again(template: dict[str, Any]) -> None:
    kept = {name for name, r in template["Resources"].items() if r.get("DeletionPolicy") == "Retain"}
    assert kept == {
        *("CatalogTable", "KeysTable", "ProfilesTable", "ReleasesTable", "UsageTable"),
        *("ConfigurationKey", "BundlesBucket", "IndexBucket"),
    }
    page = (ROOT / "docs" / "cloud.md").read_text(encoding="utf-8")
    assert [name for name in kept if name not in page] == []


def test_the_edges_function_is_the_one_that_is_tested(template: dict[str, Any]) -> None:
    inline = template["Resources"]["EdgeRouter"]["Properties"]["FunctionCode"]
    source = (ROOT / "functions" / "edge_router" / "edge.js").read_text(encoding="utf-8")
    assert inline.strip() == source.strip()


def test_every_alarm_names_a_section_of_the_operators_page(template: dict[str, Any]) -> None:
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    alarms = {n: r for n, r in template["Resources"].items() if r["Type"] == "AWS::CloudWatch::Alarm"}
    assert len(alarms) == 5
    for name, alarm in alarms.items():
        (section,) = re.findall(r'"([^"]+)"', alarm["Properties"]["AlarmDescription"])
        assert f"### {section}" in page, name


def test_every_parameter_is_described_and_shown_in_a_group(template: dict[str, Any]) -> None:
    groups = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    shown = [name for group in groups for name in group["Parameters"]]
    assert sorted(shown) == sorted(template["Parameters"])
    page = (ROOT / "docs" / "cloud.md").read_text(encoding="utf-8")
    assert [name for name in shown if f"`{name}`" not in page] == []


def test_a_service_is_not_scaled_back_by_an_update_of_the_stack(template: dict[str, Any]) -> None:
    assert "DesiredCount" not in template["Resources"]["WorkerService"]["Properties"]

"""The tables of `template.yaml`, created on an emulator: one definition for the cloud and for here."""

from pathlib import Path
from typing import Any

import yaml

TEMPLATE = Path(__file__).resolve().parents[2] / "template.yaml"


class _Loader(yaml.SafeLoader):
    """Reads CloudFormation's short forms (`!Sub`, `!Ref`) as what they are applied to."""


def _untagged(loader: _Loader, _suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    assert isinstance(node, yaml.MappingNode)
    return loader.construct_mapping(node, deep=True)


_Loader.add_multi_constructor("!", _untagged)


def definitions(template: Path = TEMPLATE) -> dict[str, dict[str, Any]]:
    """Return the properties of each DynamoDB table by its noun: `CatalogTable` is `catalog`."""
    resources = yaml.load(template.read_text(encoding="utf-8"), _Loader)["Resources"]
    return {
        logical_id.removesuffix("Table").lower(): resource["Properties"]
        for logical_id, resource in resources.items()
        if resource["Type"] == "AWS::DynamoDB::Table"
    }


def name(noun: str) -> str:
    """Return the name a table has locally; the defaults of `mooring.settings.Settings`."""
    return f"mooring-{noun}"


def create(client: Any) -> list[str]:
    """Create every table on the emulator behind `client`; return the nouns of those with a stream."""
    streamed = []
    for noun, properties in definitions().items():
        wanted: dict[str, Any] = {
            "TableName": name(noun),
            "BillingMode": "PAY_PER_REQUEST",
            "KeySchema": properties["KeySchema"],
            "AttributeDefinitions": properties["AttributeDefinitions"],
        }
        if "StreamSpecification" in properties:
            wanted["StreamSpecification"] = {"StreamEnabled": True, **properties["StreamSpecification"]}
            streamed.append(noun)
        client.create_table(**wanted)
        if "TimeToLiveSpecification" in properties:
            client.update_time_to_live(
                TableName=name(noun),
                TimeToLiveSpecification={
                    "Enabled": True,
                    "AttributeName": properties["TimeToLiveSpecification"]["AttributeName"],
                },
            )
    return streamed

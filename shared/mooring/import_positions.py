"""How far imports have come, kept beside the catalog's servers."""

from typing import Any

from mooring.imports.read_api import Position

_PREFIX = "import#"  # no name of a server has a "#"


class ImportPositions:
    """`client` is a boto3 DynamoDB client, `table` the catalog's."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def get(self, registry: str) -> Position:
        """Return the position of the import from `registry`: the beginning for a new one."""
        answer = self._client.get_item(TableName=self._table, Key=_key(registry), ConsistentRead=True)
        return Position.from_json(answer["Item"]["position"]["S"]) if "Item" in answer else Position()

    def put(self, registry: str, position: Position) -> None:
        self._client.put_item(
            TableName=self._table, Item={**_key(registry), "position": {"S": position.as_json()}}
        )


def _key(registry: str) -> dict[str, Any]:
    return {"server": {"S": _PREFIX + registry}, "item": {"S": "import"}}

"""How often tools of servers were called: the Usage table, as far as it is written here."""

from typing import Any


class UsageTable:
    """`client` is a boto3 DynamoDB client, or anything with its `update_item`."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def add(self, server: str, uses: int) -> None:
        self._client.update_item(
            TableName=self._table,
            Key={"server": {"S": server}},
            UpdateExpression="ADD use_count :uses",
            ExpressionAttributeValues={":uses": {"N": str(uses)}},
        )

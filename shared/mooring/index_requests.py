"""How a lost search index is asked for: by an item in the catalog, whose stream the indexer reads."""

import time
from typing import Any

from mooring.clock import Clock, iso8601
from mooring.dynamodb import Item

_KEY = {"server": {"S": "search#index"}, "item": {"S": "request"}}  # no name of a server has a "#"
_AGAIN_SECONDS = 5.0


class IndexRequests:
    """`client` is a boto3 DynamoDB client, `table` the catalog's."""

    def __init__(self, client: Any, table: str, clock: Clock = time.time) -> None:
        self._client = client
        self._table = table
        self._clock = clock
        self._asked_at = 0.0

    def ask(self) -> None:
        """Have the index looked at, and built again if it is lost; asked at most every 5 s."""
        now = self._clock()
        if now - self._asked_at >= _AGAIN_SECONDS:
            self._asked_at = now
            # The time makes it another item, or the stream would not tell.
            self._client.put_item(TableName=self._table, Item={**_KEY, "asked_at": {"S": iso8601(now)}})


def is_request(keys: Item) -> bool:
    """Return whether a change of the catalog with these keys is such a request."""
    return keys == _KEY

"""The stream of one table of the emulator: what changes from now on."""

from typing import Any

ENOUGH = 2_000
"""Records of one reading: fewer are all there were."""


class TableStream:
    """`dynamodb` and `streams` are boto3 clients. Every method raises what they raise."""

    def __init__(self, dynamodb: Any, streams: Any, table: str) -> None:
        self._streams = streams
        arn = dynamodb.describe_table(TableName=table)["Table"]["LatestStreamArn"]
        shards = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
        self._position: str = streams.get_shard_iterator(
            StreamArn=arn, ShardId=shards[-1]["ShardId"], ShardIteratorType="LATEST"
        )["ShardIterator"]

    def read(self) -> list[dict[str, Any]]:
        """Return the next records: all there are, or `ENOUGH` and some more."""
        records: list[dict[str, Any]] = []
        while len(records) < ENOUGH:
            answer = self._streams.get_records(ShardIterator=self._position)
            self._position = answer["NextShardIterator"]
            if not answer["Records"]:
                break
            records += answer["Records"]
        return records

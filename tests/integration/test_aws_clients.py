"""Our clients of DynamoDB and KMS beside boto3's: the same calls, the same answers, the same errors."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from mooring.dynamodb_client import DynamoDBClient
from mooring.kms import Kms
from mooring.settings import AwsSettings
from tests import emulator

pytestmark = pytest.mark.integration

TABLE = "contract"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[emulator.Emulator]:
    with emulator.running(tmp_path_factory.mktemp("emulator")) as running:
        yield running


@pytest.fixture(scope="module")
def boto3_client(running: emulator.Emulator) -> Iterator[Any]:
    with running.client("dynamodb") as client:
        client.create_table(
            TableName=TABLE,
            KeySchema=[
                {"AttributeName": "owner", "KeyType": "HASH"},
                {"AttributeName": "name", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": "owner", "AttributeType": "S"},
                {"AttributeName": "name", "AttributeType": "S"},
            ],
            BillingMode="PAY_PER_REQUEST",
        )
        yield client


@pytest.fixture(params=["ours", "boto3"])
def client(request: pytest.FixtureRequest, running: emulator.Emulator, boto3_client: Any) -> Any:
    return DynamoDBClient(AwsSettings.read(running.variables)) if request.param == "ours" else boto3_client


@pytest.fixture
def owner(request: pytest.FixtureRequest) -> str:
    """Return a partition of the test's own."""
    name: str = request.node.name
    return name


def key(owner: str, name: str = "n") -> dict[str, Any]:
    return {"owner": {"S": owner}, "name": {"S": name}}


def test_an_item_of_every_type_comes_back_as_it_was_put(client: Any, owner: str) -> None:
    item = {
        **key(owner),
        "text": {"S": 'ä "quoted" \u2028 \U0001f600'},
        "number": {"N": "12345678901234567890"},
        "bytes": {"B": bytes(range(256))},
        "B": {"S": "an attribute of this name"},
        "flag": {"BOOL": True},
        "nothing": {"NULL": True},
        "list": {"L": [{"S": "a"}, {"B": b"\x00"}, {"L": []}]},
        "map": {"M": {"B": {"B": b"inner"}, "S": {"S": "s"}}},
    }
    client.put_item(TableName=TABLE, Item=item)
    answer = client.get_item(TableName=TABLE, Key=key(owner), ConsistentRead=True)
    assert answer["Item"] == item


def test_what_is_not_there_has_no_item(client: Any, owner: str) -> None:
    assert "Item" not in client.get_item(TableName=TABLE, Key=key(owner))
    client.delete_item(TableName=TABLE, Key=key(owner))


def test_a_condition_that_does_not_hold_is_an_exception_of_its_own(client: Any, owner: str) -> None:
    missing = client.exceptions.ConditionalCheckFailedException
    put: dict[str, Any] = {
        "TableName": TABLE,
        "Item": key(owner),
        "ConditionExpression": "attribute_not_exists(#owner)",
        "ExpressionAttributeNames": {"#owner": "owner"},
    }
    client.put_item(**put)
    with pytest.raises(missing):
        client.put_item(**put)
    with pytest.raises(missing):
        client.delete_item(
            TableName=TABLE,
            Key=key(owner, "another"),
            ConditionExpression="attribute_exists(#owner)",
            ExpressionAttributeNames={"#owner": "owner"},
        )
    with pytest.raises(missing):
        client.update_item(
            TableName=TABLE,
            Key=key(owner),
            UpdateExpression="SET v = :new",
            ConditionExpression="v = :old",
            ExpressionAttributeValues={":new": {"N": "2"}, ":old": {"N": "1"}},
        )


def test_a_row_can_be_taken_once(client: Any, owner: str) -> None:
    client.put_item(TableName=TABLE, Item={**key(owner), "config": {"B": b"\x01sealed"}})
    outcomes: list[bytes | None] = []

    def take() -> None:
        try:
            answer = client.delete_item(
                TableName=TABLE,
                Key=key(owner),
                ConditionExpression="attribute_exists(config)",
                ReturnValues="ALL_OLD",
            )
            outcomes.append(answer["Attributes"]["config"]["B"])
        except client.exceptions.ConditionalCheckFailedException:
            outcomes.append(None)

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(outcomes, key=bool) == [None] * 7 + [b"\x01sealed"]


def test_an_update_returns_what_it_made(client: Any, owner: str) -> None:
    for expected in ("5", "10"):
        answer = client.update_item(
            TableName=TABLE,
            Key=key(owner),
            UpdateExpression="ADD #count :five",
            ExpressionAttributeNames={"#count": "count"},
            ExpressionAttributeValues={":five": {"N": "5"}},
            ReturnValues="ALL_NEW",
        )
        assert answer["Attributes"]["count"] == {"N": expected}


@pytest.mark.parametrize("operation", ["scan", "query"])
def test_pages_are_given_to_the_last_one(client: Any, owner: str, operation: str) -> None:
    names = [f"n{number:02}" for number in range(25)]
    for name in names:
        client.put_item(TableName=TABLE, Item=key(owner, name))
    condition = {"query": "KeyConditionExpression", "scan": "FilterExpression"}[operation]
    pages = list(
        client.get_paginator(operation).paginate(
            **{
                "TableName": TABLE,
                "Limit": 10,
                condition: "#owner = :owner",
                "ExpressionAttributeNames": {"#owner": "owner"},
                "ExpressionAttributeValues": {":owner": {"S": owner}},
            }
        )
    )
    assert len(pages) > 2
    assert sorted(item["name"]["S"] for page in pages for item in page["Items"]) == names


def test_a_refusal_has_the_name_that_aws_gives_it(client: Any) -> None:
    with pytest.raises(Exception, match="ResourceNotFoundException"):
        client.get_item(TableName="no-such-table", Key=key("o"))


@pytest.fixture(params=["ours", "boto3"])
def kms(request: pytest.FixtureRequest, running: emulator.Emulator) -> Iterator[Any]:
    if request.param == "ours":
        yield Kms(AwsSettings.read(running.variables))
    else:
        with running.client("kms") as client:
            yield client


@pytest.fixture(scope="module")
def key_id(running: emulator.Emulator) -> Iterator[str]:
    with running.client("kms") as client:
        yield client.create_key()["KeyMetadata"]["KeyId"]


def test_kms_opens_what_it_sealed_in_the_same_context_only(kms: Any, key_id: str) -> None:
    plain = bytes(range(256))
    sealed = kms.encrypt(KeyId=key_id, Plaintext=plain, EncryptionContext={"name": "a"})["CiphertextBlob"]
    assert plain not in sealed
    opened = kms.decrypt(KeyId=key_id, CiphertextBlob=sealed, EncryptionContext={"name": "a"})
    assert opened["Plaintext"] == plain
    with pytest.raises(kms.exceptions.InvalidCiphertextException):
        kms.decrypt(KeyId=key_id, CiphertextBlob=sealed, EncryptionContext={"name": "b"})


def test_what_one_client_seals_the_other_one_opens(running: emulator.Emulator, key_id: str) -> None:
    ours = Kms(AwsSettings.read(running.variables))
    with running.client("kms") as theirs:
        for one, other in ((ours, theirs), (theirs, ours)):
            sealed = one.encrypt(KeyId=key_id, Plaintext=b"\x00secret")["CiphertextBlob"]
            assert other.decrypt(KeyId=key_id, CiphertextBlob=sealed)["Plaintext"] == b"\x00secret"

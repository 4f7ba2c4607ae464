import json

import pytest

from mooring.errors import WorkerUnavailable
from mooring.jsonrpc import error_frame, request_ids


@pytest.mark.parametrize(
    "id_text", ["1", "-7", "0", '"a"', '"1"', "1.0", "90071992547409931", '"é\\u0000"', "null"]
)
def test_an_error_carries_the_request_s_id_as_it_was_sent(id_text: str) -> None:
    frame = f'{{"jsonrpc":"2.0","id":{id_text},"method":"ping"}}'
    (found,) = request_ids(frame)
    answer = error_frame(found, WorkerUnavailable("gone").as_jsonrpc())
    assert json.loads(answer)["id"] == json.loads(id_text)
    if id_text[0] in "-0123456789":
        assert f'"id":{id_text},' in answer


def test_notifications_and_responses_have_nobody_to_answer() -> None:
    assert request_ids('{"jsonrpc":"2.0","method":"notifications/initialized"}') == []
    assert request_ids('{"jsonrpc":"2.0","id":1,"result":{}}') == []


def test_each_request_of_a_batch_is_answered() -> None:
    batch = '[{"id":1,"method":"a"},{"method":"b"},{"id":"x","method":"c"},{"id":2,"result":{}}]'
    assert request_ids(batch) == ["1", '"x"']


@pytest.mark.parametrize("text", ["", "{", "nope", '"text"', "3", "[" * 100_000])
def test_what_is_not_json_rpc_has_no_ids(text: str) -> None:
    assert request_ids(text) == []

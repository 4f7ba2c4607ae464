"""What is sent again, what is waited for and what is counted, one case at a time."""

import pytest

from mooring.client.conversation import MAX_REPEATS, REPEAT_SECONDS, Conversation, is_gateway_failure

ANSWER = b'{"jsonrpc":"2.0","id":1,"result":{}}'
REQUEST = b'{"jsonrpc":"2.0","id":1,"method":"tools/call"}'
NOTIFICATION = b'{"jsonrpc":"2.0","method":"notifications/roots/list_changed"}'
UNDELIVERED = b'{"jsonrpc":"2.0","id":1,"error":{"code":-32012,"message":"","data":{"undelivered":true}}}'
GATEWAY = b'{"message": "Internal server error", "connectionId":"c=", "requestId":"r="}'


def everything_next(conversation: Conversation, now: float = 0.0) -> list[bytes]:
    frames = []
    while (frame := conversation.next(now)) is not None:
        frames.append(frame)
    return frames


def after_a_loss(*frames: bytes) -> list[bytes]:
    """Return what is sent again of `frames`, once they were sent."""
    conversation = Conversation()
    for frame in frames:
        conversation.say(frame)
    assert everything_next(conversation) == list(frames)
    conversation.lose()
    return everything_next(conversation)


def test_what_has_no_answer_is_sent_again_in_order_and_before_what_was_never_sent() -> None:
    conversation = Conversation()
    sent = [REQUEST.replace(b"1", number, 1) for number in (b"7", b"8", b"9")]
    later = NOTIFICATION
    for frame in sent:
        conversation.say(frame)
    assert everything_next(conversation) == sent
    conversation.say(later)
    conversation.hear(ANSWER.replace(b"1", b"8"), now=0.0)
    conversation.lose()

    assert everything_next(conversation) == [sent[0], sent[2], later]
    assert conversation.next(now=0.0) is None


@pytest.mark.parametrize(
    ("spelled", "answered"),
    [(b"1", b"1.0"), (b"1.0", b"1"), (b'"\xc3\xa9"', b'"\\u00e9"'), (b"1e400", b"1e400")],
)
def test_an_answer_may_spell_the_id_in_its_own_way(spelled: bytes, answered: bytes) -> None:
    conversation = Conversation()
    conversation.say(b'{"id":%s,"method":"tools/call"}' % spelled)
    assert conversation.unanswered == [spelled.decode()]

    conversation.hear(b'{"id":%s,"result":{}}' % answered, now=0.0)

    assert conversation.unanswered == []


def test_an_id_that_is_a_string_is_not_the_number_it_spells() -> None:
    conversation = Conversation()
    conversation.say(REQUEST)
    conversation.hear(ANSWER.replace(b"1", b'"1"'), now=0.0)

    assert conversation.unanswered == ["1"]


def test_a_batch_is_sent_again_until_the_last_of_its_requests_is_answered() -> None:
    conversation = Conversation()
    batch = b'[{"id":1,"method":"a"},{"method":"b"},{"id":"x","method":"c"}]'
    conversation.say(batch)
    everything_next(conversation)
    conversation.hear(b'[{"id":1,"result":{}}]', now=0.0)
    conversation.lose()

    assert conversation.unanswered == ['"x"']
    assert everything_next(conversation) == [batch]

    conversation.hear(b'{"id":"x","result":{}}', now=0.0)
    conversation.lose()

    assert everything_next(conversation) == []


def test_a_cancelled_request_is_not_sent_again() -> None:
    cancel = b'{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}'

    assert after_a_loss(REQUEST, cancel) == [cancel]


def test_a_frame_that_nobody_could_answer_is_not_sent_again() -> None:
    assert after_a_loss(b"not json", b"\xff") == []


def test_a_request_without_an_id_of_its_own_is_waited_for_by_nobody() -> None:
    conversation = Conversation()
    conversation.say(b'{"id":null,"method":"tools/call"}')

    assert conversation.unanswered == []


def test_a_notification_is_sent_again_while_the_server_has_not_been_heard_long_after_it() -> None:
    conversation = Conversation()
    conversation.say(NOTIFICATION)
    conversation.next(now=0.0)
    conversation.hear(ANSWER, now=REPEAT_SECONDS)
    conversation.lose()
    assert everything_next(conversation, now=1000.0) == [NOTIFICATION]

    conversation.hear(ANSWER, now=1001.0 + REPEAT_SECONDS)
    conversation.lose()
    assert everything_next(conversation) == []


def test_no_more_notifications_are_sent_again_than_the_server_remembers() -> None:
    frames = [b'{"method":"n","params":[%d]}' % number for number in range(MAX_REPEATS + 10)]

    assert after_a_loss(*frames) == frames[10:]


@pytest.mark.parametrize("frame", [ANSWER, REQUEST, NOTIFICATION, b"[]", b"not json", GATEWAY[:-1]])
def test_a_frame_of_the_session_is_counted(frame: bytes) -> None:
    conversation = Conversation(received=4)

    assert conversation.hear(frame, now=0.0)
    assert conversation.received == 4
    conversation.count()
    conversation.count()
    assert conversation.received == 5


def test_an_error_that_does_not_come_from_the_session_is_an_answer_but_not_counted() -> None:
    conversation = Conversation()
    conversation.say(REQUEST)

    assert not conversation.hear(UNDELIVERED, now=0.0)
    conversation.count()
    assert conversation.received == 0
    assert conversation.unanswered == []


def test_a_tool_that_says_undelivered_is_counted() -> None:
    assert Conversation().hear(b'{"id":1,"result":{"undelivered":true}}', now=0.0)
    assert Conversation().hear(b'{"id":1,"error":{"data":{"undelivered":"no"}}}', now=0.0)


def test_a_failure_of_the_gateway_is_known_by_its_form() -> None:
    assert is_gateway_failure(GATEWAY)
    for frame in (ANSWER, b'{"connectionId":1}', b'["connectionId"]', b'"connectionId"', b'{"connectionId"'):
        assert not is_gateway_failure(frame)
    assert not is_gateway_failure(b'{"id":1,"result":{},' + GATEWAY[1:])

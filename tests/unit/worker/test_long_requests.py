from mooring_worker.long_requests import MAX_ID_CHARACTERS, MAX_IDS, LongRequests


def test_a_request_is_written_when_it_is_seen_for_the_second_time_and_once() -> None:
    long = LongRequests()
    assert list(long.changes({"c": [b"1"]})) == []

    assert list(long.changes({"c": [b"1", b"2"]})) == [("c", ["1"])]
    long.wrote("c", ["1"])

    assert list(long.changes({"c": [b"1"]})) == []
    assert list(long.changes({"c": []})) == [("c", [])]


def test_what_could_not_be_written_is_offered_again() -> None:
    long = LongRequests()
    list(long.changes({"c": [b"1"]}))

    assert list(long.changes({"c": [b"1"]})) == list(long.changes({"c": [b"1"]})) == [("c", ["1"])]


def test_a_new_connection_of_a_session_gets_its_row_too() -> None:
    long = LongRequests()
    for _ in range(2):
        for connection, ids in long.changes({"old": [b"1"]}):
            long.wrote(connection, ids)

    assert list(long.changes({"new": [b"1"]})) == []
    assert list(long.changes({"new": [b"1"]})) == [("new", ["1"])]


def test_many_ids_and_huge_ones_do_not_fill_the_row() -> None:
    long = LongRequests()
    ids = [b"9" * (MAX_ID_CHARACTERS + 1), *(b"%d" % number for number in range(1000))]
    list(long.changes({"c": ids}))

    ((_, written),) = long.changes({"c": ids})

    assert written == [str(number) for number in range(MAX_IDS)]

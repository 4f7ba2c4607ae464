from mooring_worker.tail import Tail


def test_the_last_fifty_lines_are_kept() -> None:
    tail = Tail()

    for number in range(200):
        tail.write(f"line {number}\n".encode())

    assert tail.lines() == [f"line {number}" for number in range(150, 200)]


def test_memory_stays_flat_whatever_is_written() -> None:
    tail = Tail()

    for _ in range(100):
        tail.write(b"x" * 100_000)
        assert len(tail._text) <= 3 * 16 * 1024

    assert len(tail.lines()[0]) == 16 * 1024


def test_what_is_no_text_is_shown_as_far_as_it_is() -> None:
    tail = Tail()

    tail.write(b"caf\xc3\xa9 \xff\n")

    assert tail.lines() == ["café �"]

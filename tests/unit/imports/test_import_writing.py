from collections.abc import Callable
from typing import Any

from mooring.imports.entries import Imported, Refused
from mooring.imports.writing import Tally, write

Json = dict[str, Any]


def server(name: str, *others: str, **members: Any) -> Imported:
    return Imported(f"there/{name}", (name, *others), members)


class Batches:
    """Answers each entry by `outcome` and keeps what it was sent."""

    def __init__(self, outcome: Callable[[str], str] = lambda name: "created") -> None:
        self.sent: list[list[str]] = []
        self._outcome = outcome

    def __call__(self, entries: list[Json]) -> list[Json]:
        names = [entry["qualifiedName"] for entry in entries]
        self.sent.append(names)
        return [{"qualifiedName": name, "outcome": self._outcome(name), "reason": "why"} for name in names]


def test_servers_are_written_a_hundred_at_a_time() -> None:
    batches, tally = Batches(), Tally()
    write([server(f"a/{number}") for number in range(250)], batches, tally)
    assert [len(sent) for sent in batches.sent] == [100, 100, 50]
    assert tally.outcomes == {"created": 250}


def test_a_request_stays_under_what_a_function_takes() -> None:
    batches = Batches()
    write([server(f"a/{number}", description="x" * 390_000) for number in range(12)], batches, Tally())
    assert [len(sent) for sent in batches.sent] == [10, 2]


def test_what_no_record_can_hold_is_refused_and_the_rest_goes_on() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    batches, tally = Batches(), Tally()
    write(
        [server("a/1", x="x" * 400_000), server("a/2", x="\ud800"), server("a/3", x=deep), server("a/4")],
        batches,
        tally,
    )
    assert batches.sent == [["a/4"]]
    assert [one.label for one in tally.refused] == ["there/a/1", "there/a/2", "there/a/3"]
    assert tally.outcomes == {"invalid": 3, "created": 1}


def test_a_name_that_belongs_to_another_server_gives_way_to_the_next() -> None:
    batches, tally = Batches(lambda name: "kept" if name == "acme/x" else "created"), Tally()
    write([server("acme/x", "io.github.acme/x"), server("acme/y", "io.github.acme/y")], batches, tally)
    assert batches.sent == [["acme/x", "acme/y"], ["io.github.acme/x"]]
    assert tally.outcomes == {"created": 2}


def test_who_has_no_name_left_is_kept_and_told_why() -> None:
    tally = Tally()
    write([server("acme/x", "io.github.acme/x")], Batches(lambda name: "kept"), tally)
    assert tally.outcomes == {"kept": 1}
    assert tally.kept == [Refused("there/acme/x", "why")]


def test_two_servers_of_one_name_never_meet_in_one_request() -> None:
    batches = Batches()
    write([server("acme/x"), server("Acme/X")], batches, Tally())
    assert batches.sent == [["acme/x"], ["Acme/X"]]


def test_what_the_registry_finds_invalid_is_refused_with_its_reason() -> None:
    tally = Tally()
    write([Refused("there", "broken"), server("acme/x")], Batches(lambda name: "invalid"), tally)
    assert tally.refused == [Refused("there", "broken"), Refused("there/acme/x", "why")]
    assert tally.outcomes == {"invalid": 2}


def test_nothing_to_write_sends_nothing() -> None:
    batches = Batches()
    write([], batches, Tally())
    assert batches.sent == []

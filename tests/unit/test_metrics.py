import pytest

from mooring.metrics import Metrics
from tests.unit.figures import figures

STACK = (("Stack", "acme"),)


def test_figures_have_their_units_and_the_stack_as_their_dimension(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Metrics("acme", is_on=True).put(SessionStarts=1, StartLatency=12.5, ResidentMemory=4096)

    assert figures(capsys.readouterr().out) == [
        ("SessionStarts", 1, "Count", STACK),
        ("StartLatency", 12.5, "Milliseconds", STACK),
        ("ResidentMemory", 4096, "Bytes", STACK),
    ]


def test_an_error_counts_in_all_and_by_its_code(capsys: pytest.CaptureFixture[str]) -> None:
    Metrics("acme", is_on=True).error(-32012)

    assert figures(capsys.readouterr().out) == [
        ("Errors", 1, "Count", STACK),
        ("Errors", 1, "Count", (*STACK, ("code", "-32012"))),
    ]


def test_each_call_is_one_whole_line(capsys: pytest.CaptureFixture[str]) -> None:
    metrics = Metrics("acme", is_on=True)
    metrics.put(FreeSlots=0)
    metrics.put(FreeSlots=1)
    assert [line[:1] + line[-1:] for line in capsys.readouterr().out.splitlines()] == ["{}", "{}"]


def test_nothing_is_written_unless_it_is_wanted(capsys: pytest.CaptureFixture[str]) -> None:
    metrics = Metrics("acme")
    metrics.put(FreeSlots=1)
    metrics.error(503)
    assert capsys.readouterr().out == ""

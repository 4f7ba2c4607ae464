import io

from mooring_cli.import_progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(stream: io.StringIO) -> list[str]:
    """Return what a terminal's last line was, one state after another."""
    return [state for state in stream.getvalue().split("\r\x1b[K") if state]


def test_a_terminal_shows_a_bar() -> None:
    stream = Terminal()
    progress = Progress(stream, total=400)
    progress.advance(100)
    progress.advance(300)
    assert shown(stream) == [
        "[######------------------] 100 of 400 servers",
        f"[{'#' * 24}] 400 of 400 servers",
    ]


def test_a_bar_moves_on_while_nobody_knows_the_total() -> None:
    stream = Terminal()
    progress = Progress(stream)
    progress.advance(100)
    progress.advance(100)
    assert shown(stream) == [
        "[-#----------------------] 100 servers",
        "[--#---------------------] 200 servers",
    ]


def test_a_note_stands_above_the_bar() -> None:
    stream = Terminal()
    progress = Progress(stream, total=1)
    progress.note("line 7: no")
    assert shown(stream)[0] == "line 7: no\n"
    assert shown(stream)[1].startswith("[")


def test_a_bar_is_taken_away_at_the_end() -> None:
    stream = Terminal()
    progress = Progress(stream, total=1)
    progress.advance(1)
    progress.end()
    assert stream.getvalue().endswith("\r\x1b[K")


def test_without_a_terminal_there_is_a_line_for_every_thousand() -> None:
    stream = io.StringIO()
    progress = Progress(stream, total=2500)
    for _ in range(25):
        progress.advance(100)
    progress.note("line 7: no")
    progress.end()
    assert stream.getvalue().splitlines() == [
        "1000 of 2500 servers",
        "2000 of 2500 servers",
        "line 7: no",
    ]

from pathlib import Path

from mooring.imports.read_api import Position
from mooring_cli.import_place import Place

HERE, THERE = "http://127.0.0.1:8484", "https://registry.test"


def test_a_new_import_is_at_the_beginning(tmp_path: Path) -> None:
    assert Place.of(tmp_path, HERE, THERE).read() == Position()


def test_a_place_is_found_again(tmp_path: Path) -> None:
    Place.of(tmp_path, HERE, THERE).save(Position(cursor="two", began_at="2026-05-28T20:16:40Z"))
    assert Place.of(tmp_path, HERE, THERE).read().cursor == "two"


def test_every_registry_and_every_mooring_has_a_place_of_its_own(tmp_path: Path) -> None:
    Place.of(tmp_path, HERE, THERE).save(Position(cursor="two"))
    assert Place.of(tmp_path, "https://mooring.test", THERE).read() == Position()
    assert Place.of(tmp_path, HERE, "https://other.test").read() == Position()


def test_what_a_crash_left_half_written_is_not_read(tmp_path: Path) -> None:
    place = Place.of(tmp_path, HERE, THERE)
    place.save(Position(cursor="two"))
    place.path.with_suffix(".new").write_text('{"cursor": "thr')
    assert place.read().cursor == "two"

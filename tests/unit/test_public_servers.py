"""The list of public servers that `make test-servers` tries, and the page that it writes."""

import re
from pathlib import Path

import pytest

from benchmarks import public_servers, servers_report
from benchmarks.public_servers import PublicServer
from benchmarks.trial import Outcome

PAGE = Path(__file__).parents[2] / "docs" / "servers.md"
PINNED = re.compile(r"npm:(@[a-z0-9-]+/)?[a-z0-9._-]+@\d+\.\d+\.\d+|pypi:[a-z0-9._-]+==\d+(\.\d+)+")
SECRET = re.compile(r"KEY|TOKEN|PASS|SECRET")
MADE_UP = re.compile(r"not.a.real|nothing")

SERVERS = public_servers.read()


def server(**fields: object) -> PublicServer:
    known = {"name": "one", "source": "npm:one@1.0.0", "about": "counting", "tools": 1, **fields}
    return PublicServer(**known)  # type: ignore[arg-type]


def test_the_list_is_long_varied_and_names_no_server_twice() -> None:
    expected = [one for one in SERVERS if not one.refused]

    assert len({one.name for one in SERVERS}) == len({one.source for one in SERVERS}) == len(SERVERS)
    assert len(expected) >= 30
    assert {one.source.partition(":")[0] for one in expected} == {"npm", "pypi"}
    assert len({one.about for one in expected}) >= 12


@pytest.mark.parametrize("one", SERVERS, ids=lambda one: str(one.name))
def test_a_server_of_the_list_is_pinned_and_has_no_real_key(one: PublicServer) -> None:
    assert PINNED.fullmatch(one.source)
    assert re.fullmatch(r"[a-z0-9-]+", one.name)
    assert one.tools >= 1
    for name, value in one.environment.items():
        assert MADE_UP.search(value) or not SECRET.search(name), name


def test_a_field_that_is_not_known_is_refused(tmp_path: Path) -> None:
    (tmp_path / "list.toml").write_text('[[server]]\nname = "x"\nsorce = "npm:x@1.0.0"\n')

    with pytest.raises(TypeError):
        public_servers.read(tmp_path / "list.toml")


def test_a_server_that_fails_is_as_expected_only_where_the_list_says_why() -> None:
    assert Outcome(server()).is_as_expected
    assert not Outcome(server(), reason="exit code 1").is_as_expected
    assert Outcome(server(refused="needs a database"), reason="exit code 1").is_as_expected


def test_the_table_has_the_medians_and_says_why_what_fails_does() -> None:
    works = Outcome(server(), "", 2.04, 7, hosted=[0.5, 0.9, 0.6], by_hand=[0.4, 0.5, 0.6])
    fails = Outcome(server(name="other", source="pypi:other==1"), "exit code 1", 1.0)

    table = servers_report.markdown([works, fails], "a machine", 3)

    assert "| one | counting | `npm:one@1.0.0` | 2.0 | 0.60 | 0.50 | 1.20 | 7 |" in table
    assert "- other (`pypi:other==1`): exit code 1" in table
    assert "1 of 2 work" in table


def test_the_page_keeps_what_is_around_its_table() -> None:
    page = servers_report.written(PAGE.read_text(), "the table")

    assert page.startswith("# ")
    assert servers_report.written(page, "another").replace("another", "the table") == page
    with pytest.raises(ValueError, match="has no line"):
        servers_report.written("# Another page", "the table")

import pytest

from mooring.claim_places import Method, Place, place, tokens
from mooring.errors import InvalidRequest
from mooring.servers import Server


def server(repository: str = "", homepage: str = "") -> Server:
    return Server(
        qualified_name="acme/weather",
        display_name="Weather",
        repository=repository,
        homepage=homepage,
        created_at="",
        updated_at="",
        version=1,
    )


@pytest.mark.parametrize(
    ("repository", "url"),
    [
        (
            "https://github.com/acme/tools",
            "https://raw.githubusercontent.com/acme/tools/HEAD/mooring-claim.txt",
        ),
        (
            "git+https://www.github.com/acme/tools.git",
            "https://raw.githubusercontent.com/acme/tools/HEAD/mooring-claim.txt",
        ),
        (
            "https://github.com/acme/tools/tree/main/src/weather",
            "https://raw.githubusercontent.com/acme/tools/HEAD/mooring-claim.txt",
        ),
        (
            "https://github.com/acme/tools/blob/main/README.md",
            "https://raw.githubusercontent.com/acme/tools/HEAD/mooring-claim.txt",
        ),
        (
            "https://gitlab.com/acme/deep/tools/-/tree/main",
            "https://gitlab.com/acme/deep/tools/-/raw/HEAD/mooring-claim.txt",
        ),
        ("http://bitbucket.org/acme/tools/", "https://bitbucket.org/acme/tools/raw/HEAD/mooring-claim.txt"),
        (
            "https://codeberg.org/acme/tools",
            "https://codeberg.org/api/v1/repos/acme/tools/raw/mooring-claim.txt",
        ),
    ],
)
def test_of_a_well_known_host_the_file_has_one_address(repository: str, url: str) -> None:
    assert place(server(repository), "file").urls == (url,)


def test_of_other_hosts_every_address_is_below_the_repository() -> None:
    found = place(server("https://git.acme.test/acme/tools.git"), "file")
    assert found.shown == (
        "mooring-claim.txt at the top of the default branch of https://git.acme.test/acme/tools"
    )
    assert len(found.urls) == 6
    for url in found.urls:
        assert url.startswith("https://git.acme.test/acme/tools/")
        assert url.endswith("/mooring-claim.txt")


@pytest.mark.parametrize(
    "homepage", ["https://acme.test/weather?a=b", "http://ACME.test", "https://acme.test:443"]
)
def test_of_a_homepage_the_host_counts(homepage: str) -> None:
    at = "https://acme.test/.well-known/mooring-claim"
    assert place(server(homepage=homepage), "well-known") == Place(at, (at,))
    in_dns = Place("_mooring-claim.acme.test (TXT)", dns_name="_mooring-claim.acme.test")
    assert place(server(homepage=homepage), "dns") == in_dns


@pytest.mark.parametrize(
    ("method", "text"),
    [
        ("file", ""),
        ("file", "git@github.com:acme/tools"),
        ("file", "https://github.com/acme"),
        ("file", "https://github.com/acme/tools/wiki"),
        ("file", "https://gitlab.com/acme"),
        ("file", "https://acme.test/"),
        ("file", "https://acme.test:8443/acme/tools"),
        ("file", "https://[::1"),
        ("dns", ""),
        ("well-known", "ftp://acme.test"),
        ("well-known", "https://me@acme.test"),
    ],
)
def test_a_record_that_names_no_place_is_refused(method: Method, text: str) -> None:
    with pytest.raises(InvalidRequest, match=r"^method: "):
        place(server(text, text), method)


def test_an_operator_needs_no_place() -> None:
    assert place(server(), "operator") == Place("")


def test_a_text_may_have_the_tokens_of_several() -> None:
    text = "# claims\nmooring-claim=one\r\n  mooring-claim= two\nx mooring-claim=three\n"
    assert tokens(text) == ["one", "two"]

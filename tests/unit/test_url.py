from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mooring import configuration
from mooring.errors import InvalidRequest
from mooring.url import connect_url, resuming_url

json_objects = st.dictionaries(
    st.text(),
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=8,
    ),
    max_size=5,
)


def test_a_server_without_configuration_has_a_plain_url() -> None:
    assert connect_url("wss://host", "acme/weather") == "wss://host/acme/weather/ws"
    assert connect_url("ws://host:8484/", "@Acme/Weather") == "ws://host:8484/Acme/Weather/ws"


def test_the_url_has_the_parameters_of_the_smithery_sdk() -> None:
    """createSmitheryUrl of @smithery/sdk 1.0.4: `config` is btoa(JSON.stringify(config)), then `api_key`."""
    url = connect_url("wss://host", "acme/weather", {"apiKey": "a?b>", "n": 1}, "mk_1")
    assert parse_qs(urlsplit(url).query) == {
        "config": ["eyJhcGlLZXkiOiJhP2I+IiwibiI6MX0="],
        "api_key": ["mk_1"],
    }


def test_an_empty_configuration_is_written_too() -> None:
    assert connect_url("wss://host", "acme/weather", {}) == "wss://host/acme/weather/ws?config=e30%3D"


@given(json_objects)
def test_what_is_written_is_what_the_platform_reads(config: dict[str, object]) -> None:
    query = dict(parse_qsl(urlsplit(connect_url("wss://host", "acme/weather", config, "mk_1")).query))
    assert configuration.decode(query["config"]) == config


@pytest.mark.parametrize("name", ["weather", "acme/weather/ws", "acme/we ather", "", "/"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(InvalidRequest):
        connect_url("wss://host", name)


@pytest.mark.parametrize(
    ("url", "resuming"),
    [
        ("wss://host/a/b/ws", "wss://host/a/b/ws?session=s&received=3"),
        ("wss://host/a/b/ws?config=e30%3D&k=", "wss://host/a/b/ws?config=e30%3D&k=&session=s&received=3"),
        ("wss://host/a/b/ws?session=old&x=1&received=9", "wss://host/a/b/ws?x=1&session=s&received=3"),
    ],
)
def test_the_state_of_a_session_replaces_what_was_there(url: str, resuming: str) -> None:
    assert resuming_url(url, "s", 3) == resuming
    assert resuming_url(url, "s", 0) == resuming.removesuffix("&received=3")

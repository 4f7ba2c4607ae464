import pytest

from mooring import errors


def every_error(kind: type[errors.MooringError] = errors.MooringError) -> list[type[errors.MooringError]]:
    return [kind, *(found for below in kind.__subclasses__() for found in every_error(below))]


@pytest.mark.parametrize("kind", every_error())
def test_the_tree_in_the_docstring_names_every_error(kind: type[errors.MooringError]) -> None:
    assert f"* {kind.__name__}" in (errors.__doc__ or "")


def test_codes_of_ours_lie_in_the_range_the_protocol_leaves_free() -> None:
    ours = {kind.jsonrpc_code for kind in every_error() if -32099 <= kind.jsonrpc_code <= -32000}
    assert ours == set(range(-32015, -32009))


def test_an_error_survives_the_way_from_the_worker_to_the_client() -> None:
    sent = errors.ChildExited("the server exited", {"exitCode": 3})
    received = errors.from_jsonrpc(sent.as_jsonrpc())
    assert type(received) is errors.ChildExited
    assert received.as_jsonrpc() == sent.as_jsonrpc()


def test_an_http_answer_names_the_error_and_carries_its_data() -> None:
    error = errors.InvalidConfig(
        "config does not fit", {"errors": [{"pointer": "/a", "reason": "is required"}]}
    )
    assert error.as_http() == {
        "error": "InvalidConfig",
        "message": "config does not fit",
        "errors": [{"pointer": "/a", "reason": "is required"}],
    }

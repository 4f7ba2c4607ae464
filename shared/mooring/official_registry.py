"""The read API of another registry, one page at a time; `mooring.imports.read_api` says which."""

from mooring.errors import InvalidRequest
from mooring.imports import read_api
from mooring.origin import Origin

_TIMEOUT_SECONDS = 30.0
_TOO_MANY_REQUESTS = 429


class OfficialRegistry:
    """`url` is the registry's address, or the one of its list of servers."""

    def __init__(self, url: str) -> None:
        self.name = read_api.registry(url)
        self._origin = Origin(self.name, timeout_seconds=_TIMEOUT_SECONDS)

    def read(self, query: str) -> bytes:
        """Return the body of the list of servers with that query.

        Raises:
            OSError: it cannot be reached, or cannot answer now.
            InvalidRequest: it refuses; asking again would not help.
        """
        target = f"{self._origin.path}/v0.1/servers?{query}"
        status, body = self._origin.request("GET", target, headers={"Accept": "application/json"})
        if status >= 500 or status == _TOO_MANY_REQUESTS:
            raise ConnectionError(f"{self.name} answers with HTTP status {status}")
        if status != 200:
            raise InvalidRequest(
                f"{self.name}/v0.1/servers answers with HTTP status {status}; is it a registry?"
            )
        return body

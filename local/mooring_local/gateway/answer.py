"""What a handler returned, as the Lambda proxy integration reads it."""

import re
from dataclasses import dataclass
from typing import Any, Self

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, 5.1
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")  # RFC 9110, 5.5


@dataclass(slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: str

    @classmethod
    def read(cls, returned: Any) -> Self:
        """Raise ValueError for what API Gateway answers with an error of its own."""
        if not isinstance(returned, dict):
            raise ValueError("not an object")
        status = returned.get("statusCode")
        headers = returned.get("headers") or {}
        body = returned.get("body") or ""
        if not isinstance(status, int) or not 200 <= status <= 599:
            raise ValueError("statusCode is missing or no final HTTP status")
        if not isinstance(body, str):
            raise ValueError("body is not a string")
        if not isinstance(headers, dict) or not all(map(_is_header, headers.items())):
            raise ValueError("headers are not names with values that HTTP can carry")
        return cls(status, headers, body)

    def header(self, name: str) -> str | None:
        """Return the value of the header `name`, given in lower case."""
        return next((value for key, value in self.headers.items() if key.lower() == name), None)


def _is_header(item: tuple[Any, Any]) -> bool:
    name, value = item
    return (
        isinstance(name, str)
        and isinstance(value, str)
        and bool(_NAME.fullmatch(name) and _VALUE.fullmatch(value))
    )

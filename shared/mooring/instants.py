"""Points in time as clients write them."""

import re
from typing import Annotated

from pydantic import AwareDatetime, BeforeValidator

_BEGINS_WITH_A_DATE = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]")


def _text(given: object) -> object:
    """Refuse a number, also one in quotes: pydantic takes it for seconds since the epoch."""
    if isinstance(given, str) and _BEGINS_WITH_A_DATE.match(given):
        return given
    raise ValueError("it must be a time with its offset, as in RFC 3339: 2026-01-31T12:00:00Z")


Instant = Annotated[AwareDatetime, BeforeValidator(_text)]

"""JSON documents that are kept as text: configurations, schemas, launch rules, scanned tools.

As text they keep their numbers and any depth; DynamoDB's own maps end at 38 digits and 32 levels.
"""

import json
from typing import Any

from mooring.errors import InvalidRequest


def encode(document: Any, field: str) -> str:
    """Return `document` as compact JSON text.

    Raises:
        InvalidRequest: naming `field`: it has what JSON in UTF-8 cannot carry (NaN, a lone surrogate), or
            is nested too deep to be written.
    """
    try:
        text = json.dumps(document, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        text.encode()
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(f"{field} is not JSON that UTF-8 can carry, or is nested too deep") from error
    return text


def decode(text: str) -> Any:
    """Return what `encode` was given."""
    return json.loads(text)

"""What the index is given: one server with its tools, as the catalog would have it found."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    name: str
    description: str = ""
    input_schema: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    name: str
    """`owner/name` in lower case: the key; a second document of that name replaces the first."""
    qualified_name: str
    """The same as its owner spelt it."""
    display_name: str = ""
    description: str = ""
    keywords: tuple[str, ...] = ()
    """Categories, tags, names of prompts and resources."""
    tools: tuple[Tool, ...] = ()
    namespace: str = ""
    """Lower case, like the two parts of the repository."""
    repo_owner: str = ""
    repo_name: str = ""
    is_deployed: bool = False
    is_verified: bool = False
    is_remote: bool = False
    use_count: int = 0
    created_at: str = ""
    """ISO 8601 in UTC: later is greater."""
    card: dict[str, Any] = field(default_factory=dict)
    """JSON that a hit brings back as it is."""

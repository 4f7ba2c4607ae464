"""What servers of other registries are called here (no I/O)."""

import re

from mooring.names import display

# A login of GitHub has no dot: what remains of a name never looks like somebody's domain.
_GITHUB = re.compile(r"io\.github\.([A-Za-z0-9](?:-?[A-Za-z0-9]){0,38})/(.+)")


def names(source: str) -> tuple[str, ...]:
    """Return the names to try, best first, for a server that another registry calls `source`.

    `io.github.acme/weather` is `acme/weather`, or itself when that one belongs to another server; a name in
    any other namespace stays as it is.

    Raises:
        InvalidRequest: no name of Mooring's can be made of it.
    """
    github = _GITHUB.fullmatch(source)
    whole = display(source)
    return (display(f"{github[1]}/{github[2]}"), whole) if github else (whole,)

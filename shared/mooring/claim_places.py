"""Where the owner of a listed server can show that it is his, by what the record says of it (no I/O)."""

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import SplitResult, urlsplit

from mooring.errors import InvalidRequest
from mooring.servers import Server

Method = Literal["file", "dns", "well-known", "operator"]

FILE = "mooring-claim.txt"
WELL_KNOWN = "/.well-known/mooring-claim"
RECORD = "_mooring-claim"
MARK = "mooring-claim="
"""What a line, or a TXT record, begins with; the token follows."""

# What a repository's page is called beyond its own path: a branch, a folder, a file.
_WITHIN = re.compile(r"/(?:-/)?(?:tree|blob|src|raw)(?:/.*)?$")
_TWO_PARTS = re.compile(r"/[^/]+/[^/]+")
# Where well-known hosts give a file of the default branch: straight, without a redirect to another host.
_RAW_OF_HOST = {
    "github.com": "https://raw.githubusercontent.com{path}/HEAD/{file}",
    "gitlab.com": "https://gitlab.com{path}/-/raw/HEAD/{file}",
    "bitbucket.org": "https://bitbucket.org{path}/raw/HEAD/{file}",
    "codeberg.org": "https://codeberg.org/api/v1/repos{path}/raw/{file}",
    "gitea.com": "https://gitea.com/api/v1/repos{path}/raw/{file}",
}
# Of other hosts: GitLab, Forgejo and Gitea (whose default branch is not to be known), cgit, SourceHut. All
# below the repository's own path, where nobody but who may write to it puts text.
_RAW_ELSEWHERE = (
    "/-/raw/HEAD/",
    "/raw/branch/main/",
    "/raw/branch/master/",
    "/raw/HEAD/",
    "/plain/",
    "/blob/HEAD/",
)


@dataclass(frozen=True, slots=True)
class Place:
    """`shown` is what people are told; one of `urls`, or the texts of `dns_name`, must have the line."""

    shown: str
    urls: tuple[str, ...] = ()
    dns_name: str = ""


def place(server: Server, method: Method) -> Place:
    """Return where the proof by a method must be.

    Raises:
        InvalidRequest: the record has no repository or homepage that could tell.
    """
    match method:
        case "operator":
            return Place("")
        case "file":
            repository = _address(server.repository, "repository", "file")
            urls = _raw(repository)
            return Place(f"{FILE} at the top of the default branch of {_page(repository)}", urls)
        case "well-known":
            host = _address(server.homepage, "homepage", "well-known").hostname
            return Place(f"https://{host}{WELL_KNOWN}", (f"https://{host}{WELL_KNOWN}",))
    host = _address(server.homepage, "homepage", "dns").hostname
    return Place(f"{RECORD}.{host} (TXT)", dns_name=f"{RECORD}.{host}")


def tokens(text: str) -> list[str]:
    """Return the tokens in a text: one a line, after the mark."""
    lines = (line.strip() for line in text.splitlines())
    return [line.removeprefix(MARK).strip() for line in lines if line.startswith(MARK)]


def _address(text: str, field: str, method: Method) -> SplitResult:
    try:
        parts = urlsplit(text.removeprefix("git+"))
        is_usual = parts.scheme in ("http", "https") and parts.port in (None, 80, 443)
    except ValueError:
        parts, is_usual = urlsplit(""), False
    if not parts.hostname or not is_usual or parts.username:
        said = f"it is {text[:100]!r}" if text else "there is none"
        raise InvalidRequest(
            f"method: {method} needs a {field} in the record of the server, and {said}; choose another method"
        )
    return parts


def _page(repository: SplitResult) -> str:
    return f"https://{repository.hostname}{_path(repository)}"


def _path(repository: SplitResult) -> str:
    path = _WITHIN.sub("", repository.path.rstrip("/"))
    return path.removesuffix(".git")


def _raw(repository: SplitResult) -> tuple[str, ...]:
    host, path = (repository.hostname or "").removeprefix("www."), _path(repository)
    if host in _RAW_OF_HOST:
        is_repository = _TWO_PARTS.fullmatch(path) or (host == "gitlab.com" and path.count("/") > 1)
        if not is_repository:
            raise InvalidRequest(f"method: file needs a repository; {_page(repository)[:100]} is none")
        return (_RAW_OF_HOST[host].format(path=path, file=FILE),)
    if not path:
        raise InvalidRequest(f"method: file needs a repository; {_page(repository)[:100]} is none")
    return tuple(f"https://{repository.hostname}{path}{between}{FILE}" for between in _RAW_ELSEWHERE)

"""A git repository of strangers, fetched to be read: one commit, without hooks, submodules, filters or links.

The names of commits, branches and folders come from outside as well as the content does. git is told what it
may do by options and variables of this call only; the machine's own configuration of git is not read.
"""

import os
import re
import resource
import signal
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import parse_qs, urlsplit

SECONDS = 120.0
MAX_BYTES = 250 * 1024 * 1024  # of the content, and of what is sent
MAX_FILES = 20_000

_REF = re.compile(r"(?!-)(?!.*\.\.)(?!.*@\{)[A-Za-z0-9._/@+-]{1,200}")
_TREE = re.compile(r"(/[^/]+/[^/]+)/(?:-/)?tree/([^/]+)/?(.*)")
_OPTIONS = (
    *("-c", "core.hooksPath=/dev/null", "-c", "core.symlinks=false", "-c", "core.fsmonitor=false"),
    *(
        "-c",
        "protocol.ext.allow=never",
        "-c",
        "submodule.recurse=false",
        "-c",
        "fetch.recurseSubmodules=false",
    ),
    *("-c", "transfer.fsckObjects=true", "-c", "gc.auto=0", "-c", "core.attributesFile=/dev/null"),
    *("-c", "filter.lfs.smudge=", "-c", "filter.lfs.process=", "-c", "filter.lfs.required=false"),
    *("-c", "http.followRedirects=initial", "-c", "credential.helper="),
)


class CannotFetch(Exception):
    """Says why, in one line."""


@dataclass(frozen=True)
class Address:
    """`url` of a repository, and what of it: a branch, tag or commit (empty: its default), and a folder."""

    url: str
    ref: str = ""
    folder: str = ""


def is_address(source: str) -> bool:
    return source.startswith(("https://", "git+https://", "git+file://", "git@")) or source.endswith(".git")


def address(source: str, ref: str = "", folder: str = "") -> Address:
    """Read `https://host/owner/name[.git]`, with `@ref` after git+, `/tree/ref/folder` or `#ref:folder`.

    Raises:
        CannotFetch: a part of it cannot be meant.
    """
    url, _, fragment = source.removeprefix("git+").partition("#")
    parts = urlsplit(url)
    options = parse_qs(fragment) if fragment.startswith(("subdirectory=", "egg=")) else {}
    folder = folder or (options.get("subdirectory") or [""])[0]
    if fragment and not options:
        named, _, inner = fragment.partition(":")
        ref, folder = ref or named, folder or inner
    tree = _TREE.fullmatch(parts.path)
    path = parts.path
    if tree:
        path, ref, folder = tree[1], ref or tree[2], folder or tree[3]
    elif source.startswith("git+") and "@" in path:
        path, _, named = path.rpartition("@")
        ref = ref or named
    if parts.username or parts.password:
        raise CannotFetch("the address holds a name or a password; give one without")
    if ref and not _REF.fullmatch(ref):
        raise CannotFetch(f"{ref[:50]!r} is no branch, tag or commit")
    if folder and (PurePosixPath(folder).is_absolute() or ".." in PurePosixPath(folder).parts):
        raise CannotFetch(f"the folder {folder[:50]!r} leads out of the repository")
    return Address(parts._replace(path=path, query="", fragment="").geturl(), ref, folder)


def fetch(wanted: Address, target: Path, *, allow_file: bool = False) -> Path:
    """Put one commit of the repository below the empty folder `target`; return the folder that is wanted.

    Raises:
        CannotFetch: it cannot be reached, has no such commit or folder, or is too large.
    """
    protocols = _protocols(wanted, allow_file)
    tree = target / "tree"
    tree.mkdir()
    git = _Git(tree, target, protocols)
    git.run("init", "--quiet", "--template=", ".")
    git.run(
        "fetch",
        "--quiet",
        "--depth=1",
        "--no-tags",
        "--no-recurse-submodules",
        "--",
        wanted.url,
        wanted.ref or "HEAD",
    )
    _check_size(git.run("ls-tree", "-r", "-l", "-z", "FETCH_HEAD"))
    git.run("-c", "advice.detachedHead=false", "checkout", "--quiet", "--detach", "FETCH_HEAD")
    folder = tree / wanted.folder
    if not folder.is_dir() or not folder.resolve().is_relative_to(tree.resolve()):
        raise CannotFetch(f"the repository has no folder {wanted.folder}")
    return folder


def head(tree: Path) -> str:
    """Return the commit that `fetch` has put into `tree`."""
    return (tree / ".git" / "HEAD").read_text(encoding="ascii").strip()


def commit(wanted: Address, *, allow_file: bool = False) -> str:
    """Return the commit that `fetch` would put there now; empty: the repository does not say.

    Raises:
        CannotFetch: it cannot be reached.
    """
    if re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", wanted.ref):
        return wanted.ref
    protocols = _protocols(wanted, allow_file)
    with tempfile.TemporaryDirectory(prefix="mooring-git-") as place:
        git = _Git(Path(place), Path(place), protocols)
        ref = wanted.ref
        patterns = [ref, f"refs/tags/{ref}^{{}}"] if ref else ["HEAD"]
        listing = git.run("ls-remote", "--quiet", "--", wanted.url, *patterns)
    lines = (line.partition("\t") for line in listing.splitlines())
    found = {name: commit for commit, _, name in lines}
    # As git fetch looks a name up; of an annotated tag, what it is of.
    names = (
        [ref, f"refs/{ref}", f"refs/tags/{ref}^{{}}", f"refs/tags/{ref}", f"refs/heads/{ref}"]
        if ref
        else ["HEAD"]
    )
    return next((found[name] for name in names if name in found), "")


def _protocols(wanted: Address, allow_file: bool) -> str:
    scheme = urlsplit(wanted.url).scheme
    if scheme != "https" and not (allow_file and scheme == "file"):
        raise CannotFetch(f"only https addresses are fetched, not {scheme or 'this'}")
    return "https:file" if allow_file else "https"


def _check_size(listing: str) -> None:
    entries = [entry.split("\t", 1)[0].split() for entry in listing.split("\0") if entry]
    size = sum(int(entry[3]) for entry in entries if entry[3].isdigit())
    if len(entries) > MAX_FILES or size > MAX_BYTES:
        raise CannotFetch(f"the repository has more than {MAX_FILES} files or {MAX_BYTES // 1024**2} MB")


@dataclass(frozen=True)
class _Git:
    folder: Path
    home: Path
    protocols: str

    def run(self, *arguments: str) -> str:
        environment = {
            "PATH": os.defpath,
            "HOME": str(self.home),
            "LC_ALL": "C",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ASKPASS": "false",
            "GIT_ALLOW_PROTOCOL": self.protocols,
            "GIT_LFS_SKIP_SMUDGE": "1",
        }
        try:
            process = subprocess.Popen(
                ["git", *_OPTIONS, *arguments],
                cwd=self.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
                preexec_fn=_limit,
            )
        except FileNotFoundError as error:
            raise CannotFetch("git is not installed here") from error
        try:
            output, errors = process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired as error:
            raise CannotFetch(f"git did not come to an end in {SECONDS:g} seconds") from error
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            for pipe in (process.stdout, process.stderr):
                if pipe:
                    pipe.close()
        if process.returncode:
            lines = errors.decode(errors="replace").strip().splitlines() or ["git failed"]
            raise CannotFetch(f"git could not {arguments[0]}: {lines[-1][:200]}")
        return output.decode(errors="replace")


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (MAX_BYTES, MAX_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

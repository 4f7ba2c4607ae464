"""The registry of one Mooring over HTTP, for the holder of an API key. Calls block."""

import json
from typing import Any
from urllib.parse import quote, urlencode

from mooring.client.refusals import refusal
from mooring.errors import ServerNotFound
from mooring.names import display
from mooring.origin import Origin

PAGE_SIZE = 100  # the registry's upper bound
_TIMEOUT_SECONDS = 35.0  # over API Gateway's 29 s, so that its own answer arrives

Json = dict[str, Any]


class Registry:
    """Every method raises the MooringError the registry answers with, and OSError if it cannot be reached."""

    def __init__(self, url: str, api_key: str) -> None:
        self._origin = Origin(url, timeout_seconds=_TIMEOUT_SECONDS)
        self._headers = {"Authorization": f"Bearer {api_key}", "Content-Type": "application/json"}

    def servers(self, query: str = "", page: int = 1, page_size: int = PAGE_SIZE) -> Json:
        """Return one page: `servers` and `pagination`."""
        parameters = urlencode({"q": query, "page": page, "pageSize": page_size})
        return self._object("GET", f"/servers?{parameters}")

    def tools(self, query: str, page: int = 1, page_size: int = PAGE_SIZE) -> Json:
        """Return one page of the tools of all servers: `tools` and `pagination`."""
        parameters = urlencode({"q": query, "page": page, "pageSize": page_size})
        return self._object("GET", f"/tools?{parameters}")

    def all_servers(self) -> list[Json]:
        """Return the servers of every page."""
        found: list[Json] = []
        page = pages = 1
        while page <= pages:
            answer = self.servers(page=page)
            found += answer["servers"]
            pages = answer["pagination"]["totalPages"]
            page += 1
        return found

    def server(self, name: str) -> Json:
        return self._object("GET", _path(name))

    def find_server(self, name: str) -> Json | None:
        try:
            return self.server(name)
        except ServerNotFound:
            return None

    def put_server(self, name: str, server: Json) -> Json:
        """Create the server, or replace its description and give it a new release."""
        return self._object("PUT", _path(name), server)

    def put_servers(self, entries: list[Json], *, overwrite: bool = False) -> list[Json]:
        """Write entries of `POST /servers/batch`, at most 100; return what came of each, in their order."""
        answer = self._object("POST", "/servers/batch", {"servers": entries, "overwrite": overwrite})
        results: list[Json] = answer["results"]
        return results

    def bundles(self) -> Json:
        """Return what `GET /bundles` says: whether bundles are taken here, and for which platform."""
        return self._object("GET", "/bundles")

    def request_upload(self, bundle: Json) -> Json:
        """Return what `POST /bundles` answers: that the bundle `exists`, or how to upload it."""
        return self._object("POST", "/bundles", bundle)

    def request_file_upload(self, sha256: str, size_bytes: int) -> Json | None:
        """Return how to upload a file that is to be built; None: it is there."""
        answer = self._object("POST", "/uploads", {"sha256": sha256, "sizeBytes": size_bytes})
        upload: Json | None = answer["upload"]
        return upload

    def request_release(self, name: str, wanted: Json) -> Json:
        """Ask for a release of a server; `wanted` has its `source`, and the `config` of its scan if any."""
        return self._object("PUT", f"{_path(name)}/releases", wanted)

    def releases(self, name: str) -> list[Json]:
        found: list[Json] = self._object("GET", f"{_path(name)}/releases?pageSize={PAGE_SIZE}")["releases"]
        return found

    def release(self, name: str, release_id: str, after: int = 0) -> Json:
        """Return a release, with the lines of its log `after` the number that an answer had as `nextLine`."""
        return self._object("GET", f"{_release(name, release_id)}?after={after}")

    def release_changes(self, name: str, release_id: str, to: str = "") -> list[Json]:
        path = f"{_release(name, release_id)}/changes"
        found: list[Json] = self._object("GET", f"{path}?to={quote(to, safe='')}" if to else path)["changes"]
        return found

    def act_on_release(self, name: str, release_id: str, verb: str, body: Json | None = None) -> Json:
        """`rollback`, `retry` or `cancel` a release."""
        return self._object("POST", f"{_release(name, release_id)}/{verb}", body)

    def patch_server(self, name: str, changes: Json) -> Json:
        return self._object("PATCH", _path(name), changes)

    def delete_server(self, name: str) -> None:
        self._call("DELETE", _path(name))

    def logs(self, of: str, lines: int, cursor: str = "") -> Json:
        """Return what the children of a server, or of a session, printed.

        `of` is the server's name or the session's id. Without a `cursor` they are the last `lines`, with one
        those after the answer that had it.
        """
        path = _path(of) if "/" in of else f"/sessions/{quote(of, safe='')}"
        parameters = urlencode({"lines": lines, "cursor": cursor})
        return self._object("GET", f"{path}/logs?{parameters}")

    def whoami(self) -> Json:
        """Return whom the key speaks for: `principal`, `scopes` and `namespaces`."""
        return self._object("GET", "/whoami")

    def claim_server(self, name: str, method: str, message: str = "") -> Json:
        """Begin a claim; return what is to be put where."""
        return self._object("POST", f"{_path(name)}/claims", {"method": method, "message": message})

    def verify_claim(self, name: str) -> Json:
        """Have the proof looked for; return the server, which is the caller's then."""
        return self._object("POST", f"{_path(name)}/claims/verify")

    def claims(self) -> list[Json]:
        """Return the claims that wait for an operator."""
        found: list[Json] = self._object("GET", "/claims")["claims"]
        return found

    def approve_claim(self, name: str, principal: str) -> Json:
        return self._object("POST", f"{_path(name)}/claims/approve", {"principal": principal})

    def reject_claim(self, name: str, principal: str) -> None:
        self._call("POST", f"{_path(name)}/claims/reject", {"principal": principal})

    def profiles(self) -> list[str]:
        """Return the names of the stored configurations; nothing gives back what is in them."""
        return [one["name"] for one in self._object("GET", "/profiles")["profiles"]]

    def put_profile(self, name: str, config: Json) -> None:
        self._call("PUT", f"/profiles/{quote(name, safe='')}", {"config": config})

    def delete_profile(self, name: str) -> None:
        self._call("DELETE", f"/profiles/{quote(name, safe='')}")

    def create_key(self, wanted: Json) -> Json:
        """Make a key of the body of `POST /keys` and return it; its secret, `key`, is shown this once."""
        return self._object("POST", "/keys", wanted)

    def keys(self) -> list[Json]:
        answer = self._call("GET", "/keys")
        found: list[Json] = answer["keys"] if isinstance(answer, dict) else answer
        return found

    def revoke_key(self, key_id: str) -> None:
        self._call("DELETE", f"/keys/{quote(key_id, safe='')}")

    def _object(self, method: str, path: str, body: Json | None = None) -> Json:
        answer = self._call(method, path, body)
        return answer if isinstance(answer, dict) else {}

    def _call(self, method: str, path: str, body: Json | None = None) -> Any:
        sent = b"" if body is None else json.dumps(body).encode()
        status, answer = self._origin.request(method, self._origin.path + path, sent, self._headers)
        if status >= 300:  # the registry never redirects
            raise refusal(status, answer)
        return json.loads(answer) if answer else None


def _release(name: str, release_id: str) -> str:
    return f"{_path(name)}/releases/{quote(release_id, safe='')}"


def _path(name: str) -> str:
    return f"/servers/{quote(display(name))}"

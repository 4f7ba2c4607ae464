"""What the handler of $connect talks to."""

from types import ModuleType
from typing import Any

from mooring.errors import Conflict, MooringError, ServerNotFound, Unauthorized
from mooring.keys import OF_ROLE, Principal, Scope
from mooring.servers import Release, Server
from mooring.sessions import Session
from mooring.workers import Worker
from tests.unit.functions.loading import event

SCHEMA = {
    "type": "object",
    "properties": {"zone": {"type": "string"}, "n": {"default": 3}},
    "required": ["zone"],
}
RELEASE = Release(id="r1", bundle="sha", launch={"command": "x"}, config_schema=SCHEMA)
WORKER = Worker("w1", "http://10.0.0.1:8080", used=0, capacity=1, lease=9e12, draining=False)


class World:
    """What the handler talks to: every table, and one worker."""

    def __init__(self) -> None:
        self.release: Release | None = RELEASE
        self.owner = "somebody"
        self.tools: list[dict[str, Any]] | None = None
        self.known_tools: list[dict[str, Any]] | None = None
        """What they were a moment ago, as the catalog may still give them."""
        self.scopes: frozenset[Scope] = OF_ROLE["client"]
        self.workers = [WORKER]
        self.started: list[tuple[str, str, dict[str, Any]]] = []
        self.ended: list[str] = []
        self.rows: list[Session] = []
        self.demands = 0
        self.table_failure: Exception | None = None
        self.resumable: dict[str, Session] = {}
        self.attached: list[tuple[str, str, str, int]] = []
        self.detached: list[str] = []
        self.is_new = True
        self.attach_failure: MooringError | None = None
        self.has_live_worker = False

    def verify(self, credential: str) -> Principal:
        if credential != "mk_example":
            raise Unauthorized("the API key is not known")
        return Principal("p1", self.scopes, "k1")

    def redeem(self, ticket: str) -> tuple[Principal, dict[str, Any] | None]:
        return Principal("p2", OF_ROLE["admin"], "k2"), {"zone": "from the ticket"}

    def get(self, *which: object) -> Any:
        if len(which) == 2:
            return {"zone": "from the profile"}
        if which != ("demo/time",):
            raise ServerNotFound("none")
        return Server(
            qualified_name="Demo/Time",
            display_name="Time",
            created_at="",
            updated_at="",
            version=1,
            owner=self.owner,
            release=self.release,
            tools=self.tools if self.known_tools is None else self.known_tools,
        )

    def latest(self, name: str) -> Any:
        self.known_tools = None
        return self.get(name)

    def note_demand(self) -> None:
        self.demands += 1

    def all(self) -> list[Worker]:
        return self.workers

    def read(self) -> list[Worker]:
        return self.workers

    def is_alive(self, worker_id: str) -> bool:
        return self.has_live_worker

    def start(self, address: str, session_id: str, order: dict[str, Any]) -> bool:
        self.started.append((address, session_id, order))
        return self.is_new

    def attach(self, *what: Any) -> None:
        if self.attach_failure:
            raise self.attach_failure
        self.attached.append(what)

    def detach(self, address: str, session_id: str, connection_id: str, close_code: int) -> None:
        self.detached.append(connection_id)

    def find(self, session_id: str) -> Session | None:
        return self.resumable.get(session_id)

    def claim(self, session: Session, lost: Session | None) -> None:
        if self.resumable.get(session.session_id) != lost:
            raise Conflict("claimed")
        self.resumable[session.session_id] = session

    def refresh(self, session: Session) -> None:
        self.resumable[session.session_id] = session

    def end(self, address: str, session_id: str) -> None:
        self.ended.append(session_id)

    def put(self, session: Session) -> None:
        if self.table_failure:
            raise self.table_failure
        self.rows.append(session)


def connect(app: ModuleType, **changes: str | None) -> dict[str, Any]:
    handshake = event("ws_connect/with_key")
    query = {**handshake["queryStringParameters"], **changes}
    handshake["queryStringParameters"] = {name: value for name, value in query.items() if value is not None}
    answer: dict[str, Any] = app.handler(handshake, None)
    return answer

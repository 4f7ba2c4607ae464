"""The worker's HTTP API. Every refusal's body is the error object of a JSON-RPC response.

PUT /sessions/{id}             start one: 201, 200 when it exists, 422 unusable, 429 full or draining
POST /sessions/{id}/frames     hand over one frame: 202, 400 not JSON-RPC, 404, 410 child gone, 413, 429
PUT /sessions/{id}/connection  send to another connection: 200, 404, 410 cannot be resumed from there
DELETE /sessions/{id}/connections/{connection}  it is closed: 204 always
DELETE /sessions/{id}          end it: 204, also when it is unknown
GET /logs?server=&session=&after=&lines=&bytes=  what their children printed; `after` or the end of it
POST /_/drain                  take no more sessions: 202
GET /sessions  /_/health  /_/ready  /_/metrics
"""

import hmac
import json
import logging
from collections.abc import Awaitable
from urllib.parse import unquote

from mooring.errors import FrameTooLarge, InvalidRequest, MooringError, Unauthorized
from mooring.http1 import Request, Response
from mooring_worker import session_logs
from mooring_worker.agent import Agent
from mooring_worker.metrics import exposition

HEADROOM_BYTES = 65_536
"""What a request may have beyond the longest frame: the API refuses what is just too large, and says so."""

_JSON = {"content-type": "application/json"}
_NO_ROUTE = {"code": MooringError.jsonrpc_code, "message": "no such route"}
_TEXT = {"content-type": "text/plain; version=0.0.4"}

_logger = logging.getLogger(__name__)


class Api:
    def __init__(self, agent: Agent, secret: str, max_frame_bytes: int) -> None:
        self._agent = agent
        self._credential = f"Bearer {secret}".encode()
        self._max_frame_bytes = max_frame_bytes

    def respond(self, request: Request) -> Response | Awaitable[Response]:
        try:
            return self._route(request)
        except MooringError as error:
            return _refusal(error)
        except Exception:  # the boundary: one request must not end the connection of others
            _logger.exception("request failed", extra={"method": request.method})
            return _refusal(MooringError("internal error"))

    def _route(self, request: Request) -> Response | Awaitable[Response]:
        if request.target == "/_/health":
            return Response(200)
        presented = request.headers.get("authorization", "").encode("latin-1")
        if not hmac.compare_digest(presented, self._credential):
            raise Unauthorized("the worker's secret is missing or wrong")
        path, _, query = request.target.partition("?")
        match (request.method, *path.split("/")[1:]):
            case ("POST", "sessions", session_id, "frames"):
                return self._frame(unquote(session_id), request)
            case (_, "sessions", session_id, *rest):
                return self._session(unquote(session_id), rest, request)
            case ("POST", "_", "drain"):
                self._agent.drain()
                return Response(202)
            case ("GET", "sessions"):
                return _json(200, {"sessions": [session.describe() for session in self._agent]})
            case ("GET", "logs"):
                return _json(200, session_logs.find(self._agent.logs(), session_logs.Wanted.read(query)))
            case ("GET", "_", "ready"):
                return Response(200 if self._agent.takes_sessions else 429)
            case ("GET", "_", "metrics"):
                return self._metrics()
        return _json(404, _NO_ROUTE)

    def _session(self, session_id: str, rest: list[str], request: Request) -> Response | Awaitable[Response]:
        match (request.method, *rest):
            case ("PUT",):
                return self._start(session_id, request.body)
            case ("DELETE",):
                self._agent.end(session_id)
                return Response(204)
            case ("PUT", "connection"):
                return self._attach(session_id, request.body)
            case ("DELETE", "connections", connection):
                return self._detach(session_id, unquote(connection), request)
        return _json(404, _NO_ROUTE)

    def _frame(self, session_id: str, request: Request) -> Response:
        if len(request.body) > self._max_frame_bytes:
            data = {"bytes": len(request.body), "limitBytes": self._max_frame_bytes}
            raise FrameTooLarge(f"the frame is over {self._max_frame_bytes} bytes", data)
        headers = request.headers
        ids = headers.get("x-message-id", ""), headers.get("x-connection-id", "")
        self._agent.get(session_id).accept(request.body, *ids)
        if _logger.isEnabledFor(logging.DEBUG):  # else a frame would pay for the fields
            fields = {"session_id": session_id, "message_id": ids[0], "connection_id": ids[1]}
            _logger.debug("frame accepted", extra={**fields, "bytes": len(request.body)})
        return Response(202)

    async def _start(self, session_id: str, body: bytes) -> Response:
        try:
            return Response(201 if await self._agent.start(session_id, body) else 200)
        except MooringError as error:
            return _refusal(error)
        except Exception:  # the boundary, as in respond
            _logger.exception("session not started", extra={"session_id": session_id})
            return _refusal(MooringError("internal error"))

    def _attach(self, session_id: str, body: bytes) -> Response:
        try:
            fields = json.loads(body)
            connection, received = str(fields["connection"]), int(fields.get("received", 0))
        except (ValueError, KeyError, TypeError):
            raise InvalidRequest('the body must be {"connection": "<id>", "received": <number>}') from None
        self._agent.get(session_id).attach(connection, received)
        return Response(200)

    def _detach(self, session_id: str, connection: str, request: Request) -> Response:
        code = request.headers.get("x-close-code", "")
        self._agent.detach(session_id, connection, int(code) if code.isdecimal() else 0)
        return Response(204)

    def _metrics(self) -> Response:
        agent = self._agent
        text = exposition(agent.counts, sessions=len(agent), children=agent.used, capacity=agent.capacity)
        return Response(200, text, _TEXT)


def _json(status: int, content: object) -> Response:
    return Response(status, json.dumps(content, separators=(",", ":")).encode(), _JSON)


def _refusal(error: MooringError) -> Response:
    return _json(error.http_status, error.as_jsonrpc())

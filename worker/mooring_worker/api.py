"""The worker's HTTP API. Every refusal's body is the error object of a JSON-RPC response.

PUT /sessions/{id}             start one: 201, 200 when it exists, 422 unusable, 429 full or draining
POST /sessions/{id}/frames     hand over one frame: 202, 400 not JSON-RPC, 404, 410 child gone, 413, 429
PUT /sessions/{id}/connection  send to another connection: 200, 404
DELETE /sessions/{id}          end it: 204, also when it is unknown
GET /sessions  /_/health  /_/ready  /_/metrics
"""

import hmac
import json
import logging
from collections.abc import Awaitable
from urllib.parse import unquote

from mooring.errors import FrameTooLarge, InvalidRequest, MooringError, Unauthorized
from mooring.http1 import Request, Response
from mooring_worker.agent import Agent
from mooring_worker.metrics import exposition

_JSON = {"content-type": "application/json"}
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
        match (request.method, *request.target.split("/")[1:]):
            case ("POST", "sessions", session_id, "frames"):
                return self._frame(unquote(session_id), request)
            case ("PUT", "sessions", session_id):
                return self._start(unquote(session_id), request.body)
            case ("PUT", "sessions", session_id, "connection"):
                return self._attach(unquote(session_id), request.body)
            case ("DELETE", "sessions", session_id):
                self._agent.end(unquote(session_id))
                return Response(204)
            case ("GET", "sessions"):
                return _json(200, {"sessions": [session.describe() for session in self._agent]})
            case ("GET", "_", "ready"):
                return Response(200 if self._agent.takes_sessions else 429)
            case ("GET", "_", "metrics"):
                return self._metrics()
        return _json(404, {"code": MooringError.jsonrpc_code, "message": "no such route"})

    def _frame(self, session_id: str, request: Request) -> Response:
        if len(request.body) > self._max_frame_bytes:
            data = {"bytes": len(request.body), "limitBytes": self._max_frame_bytes}
            raise FrameTooLarge(f"the frame is over {self._max_frame_bytes} bytes", data)
        self._agent.get(session_id).accept(request.body, request.headers.get("x-message-id", ""))
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
            connection = json.loads(body)["connection"]
        except (ValueError, KeyError, TypeError):
            raise InvalidRequest('the body must be {"connection": "<id>"}') from None
        self._agent.get(session_id).attach(str(connection))
        return Response(200)

    def _metrics(self) -> Response:
        agent = self._agent
        text = exposition(agent.counts, sessions=len(agent), children=agent.used, capacity=agent.capacity)
        return Response(200, text, _TEXT)


def _json(status: int, content: object) -> Response:
    return Response(status, json.dumps(content, separators=(",", ":")).encode(), _JSON)


def _refusal(error: MooringError) -> Response:
    return _json(error.http_status, error.as_jsonrpc())

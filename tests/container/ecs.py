"""What ECS gives a task beside its container: metadata, the credentials of its role, scale-in protection."""

import contextlib
import json
import secrets
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_TASK = "arn:aws:ecs:us-east-1:000000000000:task/mooring/{task_id}"


@dataclass
class TaskAgent:
    """The endpoints of one task, on a port of the loopback interface."""

    task_id: str
    credentials: Callable[[], dict[str, str]]
    """Gives AccessKeyId, SecretAccessKey, Token and Expiration."""
    port: int = 0
    protection: list[bool] = field(default_factory=list)
    """Each state that the worker asked for."""
    served: Counter[str] = field(default_factory=Counter)
    """How often the credentials were asked for."""
    _secret: str = field(default_factory=lambda: secrets.token_urlsafe(24))

    @property
    def variables(self) -> dict[str, str]:
        """What ECS adds to the environment of the container."""
        origin = f"http://127.0.0.1:{self.port}"
        return {
            "ECS_CONTAINER_METADATA_URI_V4": f"{origin}/v4/{self._secret}",
            "ECS_AGENT_URI": f"{origin}/api/{self._secret}",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{origin}/credentials/{self._secret}",
        }

    def answer(self, method: str, path: str, body: Any) -> Any:
        match method, path:
            case "GET", p if p == f"/v4/{self._secret}/task":
                networks = [{"NetworkMode": "awsvpc", "IPv4Addresses": ["127.0.0.1"]}]
                arn = _TASK.format(task_id=self.task_id)
                about = {"TaskARN": arn, "Family": "worker", "Revision": "1"}
                return {**about, "Containers": [{"Name": "worker", "Networks": networks}]}
            case "GET", p if p == f"/v4/{self._secret}":
                return {"Name": "worker", "Networks": [{"IPv4Addresses": ["127.0.0.1"]}]}
            case "GET", p if p == f"/credentials/{self._secret}":
                self.served["credentials"] += 1
                return self.credentials()
            case "PUT", p if p == f"/api/{self._secret}/task-protection/v1/state":
                self.protection.append(bool(body["ProtectionEnabled"]))
                return {"protection": {"ProtectionEnabled": body["ProtectionEnabled"]}}
        return None


@contextlib.contextmanager
def task_agent(task_id: str, credentials: Callable[[], dict[str, str]]) -> Iterator[TaskAgent]:
    """Serve the endpoints of a task."""
    agent = TaskAgent(task_id, credentials)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _respond(self) -> None:
            content = self.rfile.read(int(self.headers.get("content-length") or 0))
            answer = agent.answer(self.command, self.path, json.loads(content) if content else None)
            body = json.dumps(answer or {"message": "not found"}).encode()
            self.send_response(200 if answer else 404)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_PUT = _respond

        def log_message(self, format: str, *args: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    agent.port = server.server_port
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield agent
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()

"""Plays a scenario with a client of the `mcp` package, of either major version, and keeps what it saw."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any

Params = dict[str, Any]
METHODS = {
    "tools/list": "list_tools",
    "prompts/list": "list_prompts",
    "prompts/get": "get_prompt",
    "completion/complete": "complete",
    "resources/list": "list_resources",
    "resources/templates/list": "list_resource_templates",
    "resources/read": "read_resource",
    "resources/subscribe": "subscribe_resource",
    "resources/unsubscribe": "unsubscribe_resource",
    "logging/setLevel": "set_logging_level",
}

Abandon = Callable[[Callable[..., Awaitable[Any]]], Awaitable[None]]


def read_order() -> tuple[Params, Params]:
    """Return the target and the scenario from standard input."""
    order = json.load(sys.stdin)
    return order["target"], order["scenario"]


class Player:
    """`failure` is the client's exception for an error response; `abandon` starts a call and cancels it."""

    def __init__(self, scenario: Params, failure: type[Exception]) -> None:
        self._scenario = scenario
        self._failure = failure
        self._notified = asyncio.Event()
        self.seen: Params = {
            "server": {},
            "results": {},
            "progress": {},
            "notifications": {},
            "answered": {},
            "strays": [],
        }

    def answer(self, method: str, params: Any) -> Params:
        """Note a request of the server; return what the scenario answers."""
        self.seen["answered"].setdefault(method, []).append(plain(params) if params else {})
        answer: Params = self._scenario["answers"][method]
        return answer

    def note(self, method: str, params: Any) -> None:
        """Note a notification of the server."""
        self.seen["notifications"].setdefault(method, []).append(plain(params) if params else {})
        self._notified.set()

    def note_stray(self, error: Exception) -> None:
        """Note something that came and belongs to nothing."""
        self.seen["strays"].append(repr(error))

    async def play(self, client: Any, abandon: Abandon) -> None:
        for step in self._scenario["steps"]:
            try:
                outcome = await self._step(client, step, abandon)
            except self._failure as failure:
                error: Any = failure.error  # type: ignore[attr-defined]
                outcome = {"error": {"code": error.code, "message": error.message}}
            self.seen["results"][step["label"]] = outcome

    def print(self) -> None:
        json.dump(self.seen, sys.stdout)

    async def _step(self, client: Any, step: Params, abandon: Abandon) -> Params:
        method, params = step["method"], step["params"]
        if method == "wait":
            await self._wait(**params)
            return {"result": {}}
        if method == "tools/call":
            call = self._tool_call(client, step)
            if step.get("abandon"):
                await abandon(call)
                return {"cancelled": True}
            return {"result": plain(await call())}
        return {"result": plain(await getattr(client, METHODS[method])(**params))}

    def _tool_call(self, client: Any, step: Params) -> Callable[..., Awaitable[Any]]:
        async def call(on_progress: Callable[[], None] = lambda: None) -> Any:
            async def progressed(progress: float, total: float | None, message: str | None) -> None:
                self.seen["progress"].setdefault(step["label"], []).append([progress, total])
                on_progress()

            return await client.call_tool(**step["params"], progress_callback=progressed)

        return call

    async def _wait(self, notification: str, text: str) -> None:
        while text not in json.dumps(self.seen["notifications"].get(notification, [])):
            self._notified.clear()
            await self._notified.wait()


def plain(model: Any) -> Params:
    """Return a message of the SDK as the JSON it has on the wire."""
    document: Params = model.model_dump(mode="json", by_alias=True, exclude_none=True)
    return document

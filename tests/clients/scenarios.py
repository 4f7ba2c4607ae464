"""What the stock clients do, as data: every client plays the same steps and prints what it saw.

A step is a method of the protocol with its parameters, or `wait`, which returns when a notification whose
JSON contains a text has come. `player.py` and `node/stock_client.mjs` have the other half.
"""

from typing import Any, NotRequired, TypedDict


class Step(TypedDict):
    label: str
    method: str
    params: dict[str, Any]
    abandon: NotRequired[bool]
    """Cancel the call when its first progress notification comes."""


class Scenario(TypedDict):
    answers: dict[str, dict[str, Any]]
    """Results the client gives to requests of the server, by method."""
    steps: list[Step]


ANSWERS: dict[str, dict[str, Any]] = {
    "sampling/createMessage": {
        "role": "assistant",
        "content": {"type": "text", "text": "an answer from the client's model"},
        "model": "stock-model",
        "stopReason": "endTurn",
    },
    "elicitation/create": {"action": "accept", "content": {"name": "Ada", "check": True, "integer": 7}},
    "roots/list": {"roots": [{"uri": "file:///home/ada/engine", "name": "engine"}]},
}

# What a careless bridge breaks: separators that are no line ends, quotes, a NUL, characters outside the BMP.
AWKWARD_TEXT = 'naïve "quoted" \\ tab\t new\nline \u2028 \u2029 \x00 𝄞 🚢 </script>'

STATIC_DOCUMENT = "demo://resource/static/document/architecture.md"


def step(label: str, method: str, **params: Any) -> Step:
    return {"label": label, "method": method, "params": params}


def tool(label: str, name: str, **arguments: Any) -> Step:
    return step(label, "tools/call", name=name, arguments=arguments)


def wait(notification: str, text: str) -> Step:
    return step(f"wait for {text}", "wait", notification=notification, text=text)


def abandoned(call: Step) -> Step:
    return {**call, "abandon": True}


EVERYTHING: Scenario = {
    "answers": ANSWERS,
    "steps": [
        # The server asks for the roots by itself, a third of a second after `notifications/initialized`.
        wait("notifications/message", "Roots updated"),
        step("tools", "tools/list"),
        tool("echo", "echo", message=AWKWARD_TEXT),
        tool("sum", "get-sum", a=2.5, b=-7),
        tool("wrong arguments", "get-sum", a="two"),
        tool("unknown tool", "no-such-tool"),
        tool("structured", "get-structured-content", location="Chicago"),
        tool("image", "get-tiny-image"),
        tool("annotated", "get-annotated-message", messageType="error", includeImage=True),
        tool("links", "get-resource-links", count=4),
        tool("embedded", "get-resource-reference", resourceType="Text", resourceId=3),
        tool("roots", "get-roots-list"),
        step("prompts", "prompts/list"),
        step("prompt", "prompts/get", name="args-prompt", arguments={"city": "Oslo", "state": "Østlandet"}),
        step("unknown prompt", "prompts/get", name="no-such-prompt", arguments={}),
        step(
            "completion",
            "completion/complete",
            ref={"type": "ref/prompt", "name": "completable-prompt"},
            argument={"name": "department", "value": "S"},
        ),
        step("resources", "resources/list"),
        step("templates", "resources/templates/list"),
        step("document", "resources/read", uri=STATIC_DOCUMENT),
        step("text", "resources/read", uri="demo://resource/dynamic/text/1"),
        step("blob", "resources/read", uri="demo://resource/dynamic/blob/2"),
        step("unknown resource", "resources/read", uri="demo://resource/nowhere"),
        step("log everything", "logging/setLevel", level="debug"),
        step("subscribe", "resources/subscribe", uri="demo://resource/dynamic/text/1"),
        tool("start updates", "toggle-subscriber-updates"),
        wait("notifications/resources/updated", "demo://resource/dynamic/text/1"),
        tool("stop updates", "toggle-subscriber-updates"),
        step("log errors only", "logging/setLevel", level="error"),
        step("unsubscribe", "resources/unsubscribe", uri="demo://resource/dynamic/text/1"),
        tool("sampling", "trigger-sampling-request", prompt="Who goes there?", maxTokens=20),
        tool("elicitation", "trigger-elicitation-request"),
        tool("progress", "trigger-long-running-operation", duration=0.3, steps=3),
        abandoned(tool("cancelled", "trigger-long-running-operation", duration=0.4, steps=2)),
        # It ends after the cancelled one would have: an answer to that one would have come before.
        tool("after the cancelled", "trigger-long-running-operation", duration=0.4, steps=2),
    ],
}

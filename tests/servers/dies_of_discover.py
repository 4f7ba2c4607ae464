"""A server that takes its first message for `initialize`, and ends by an exception if it is another."""

import sys

from stdio import answer, initialized, messages

TOOL = {"name": "look", "inputSchema": {"type": "object"}}

first = next(messages())
answer(first, {**initialized(first, "dies"), "protocolVersion": first["params"]["protocolVersion"]})
for message in messages():
    if message["method"] == "tools/list":
        answer(message, {"tools": [TOOL]})
    elif "id" in message:
        sys.exit(f"cannot {message['method']}")

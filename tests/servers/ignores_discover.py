"""A server that answers what it knows, and to everything else nothing at all."""

from stdio import answer, initialized, messages

for message in messages():
    match message.get("method"):
        case "initialize":
            answer(message, initialized(message, "ignores"))
        case "tools/list":
            answer(message, {"tools": [{"name": "look", "inputSchema": {"type": "object"}}]})

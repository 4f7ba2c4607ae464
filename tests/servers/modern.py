"""A server of protocol version 2026-07-28: `server/discover`, no `initialize`; its tool is never called."""

from stdio import answer, messages, refuse

for message in messages():
    match message.get("method"):
        case "server/discover":
            about = {"supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}}
            answer(message, {**about, "resultType": "complete", "ttlMs": 0, "cacheScope": "public"})
        case "tools/list":
            tool = {"name": "look", "inputSchema": {"type": "object"}}
            answer(message, {"tools": [tool], "resultType": "complete", "ttlMs": 0, "cacheScope": "public"})
        case "tools/call":
            raise SystemExit("called")
        case str() if "id" in message:
            refuse(message, -32601, "no such method")

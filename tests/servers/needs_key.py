"""A server that lists no tools without API_KEY: with the argument `start` it ends, else it refuses."""

import os
import sys

from stdio import answer, initialized, messages, refuse

KEY = os.environ.get("API_KEY")

if "start" in sys.argv and not KEY:
    sys.exit("Error: the environment variable API_KEY is not set")

for message in messages():
    match message.get("method"):
        case "initialize":
            answer(message, initialized(message, "needs-key"))
        case "tools/list" if KEY:
            answer(message, {"tools": [{"name": "look", "inputSchema": {"type": "object"}}]})
        case "tools/list":
            refuse(message, -32603, "Unauthorized: API_KEY is required")
        case str() if "id" in message:
            refuse(message, -32601, "no such method")

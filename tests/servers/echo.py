"""A well-behaved server: initialize, ping, tools/list, tools/call.

Tools: echo (text), sleep (seconds), env (name), crash (code: exits at once), signal (number: kills itself),
print (text on stderr), state (how often it was called), ask (sends the client a `ping` of its own first).
"""

import os
import sys
import time
from typing import Any

from stdio import answer, initialized, messages, refuse, send, text

TOOLS = ("echo", "sleep", "env", "crash", "signal", "print", "state", "ask")
calls = 0


def call(tool: str, arguments: dict[str, Any]) -> str:
    global calls
    match tool:
        case "echo":
            return str(arguments["text"])
        case "sleep":
            time.sleep(arguments["seconds"])
            return "slept"
        case "env":
            return os.environ.get(arguments["name"], "")
        case "crash":
            os._exit(arguments["code"])
        case "signal":
            os.kill(os.getpid(), arguments["number"])
        case "print":
            print(arguments["text"], file=sys.stderr, flush=True)
        case "state":
            calls += 1
            return str(calls)
        case "ask":
            send({"id": "server-1", "method": "ping"})
    return "done"


for message in messages():
    if "id" not in message or "method" not in message:
        continue
    match message["method"]:
        case "initialize":
            answer(message, initialized(message, "echo"))
        case "ping":
            answer(message, {})
        case "tools/list":
            tools = [{"name": name, "inputSchema": {"type": "object"}} for name in TOOLS]
            answer(message, {"tools": tools})
        case "tools/call":
            params = message["params"]
            if params["name"] not in TOOLS:
                refuse(message, -32602, f"no tool {params['name']}")
                continue
            answer(message, text(call(params["name"], params.get("arguments", {}))))
        case method:
            refuse(message, -32601, f"no method {method}")

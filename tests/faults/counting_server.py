"""An MCP server that counts: it says how often it was given each call, and numbers what it says unasked.

Frames that were doubled on the way in show as a call given twice; frames lost or doubled on the way out as
gaps or repeats in the numbers.
"""

import json
import sys


def main() -> None:
    given: dict[str, int] = {}
    said = 0
    for line in sys.stdin:
        message = json.loads(line)
        if "id" not in message:
            continue
        call = str(message["id"])
        given[call] = given.get(call, 0) + 1
        said += 1
        write({"jsonrpc": "2.0", "method": "notifications/said", "params": {"number": said}})
        write({"jsonrpc": "2.0", "id": message["id"], "result": {"given": given[call]}})


def write(message: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()

"""A server that writes as many bytes as it is asked for.

`answer` (bytes) answers with that much; `ask` and `notify` (bytes) send a request or a notification of that
size first, then an answer. What comes back for its request goes into a `notifications/heard`.
"""

from stdio import answer, messages, send

for message in messages():
    filler = {"filler": "x" * message.get("params", {}).get("bytes", 0)}
    match message.get("method"):
        case "answer":
            answer(message, filler)
        case "ask":
            send({"id": "big-1", "method": "sampling/createMessage", "params": filler})
            answer(message, {})
        case "notify":
            send({"method": "notifications/progress", "params": filler})
            answer(message, {})
        case None:
            send({"method": "notifications/heard", "params": message})

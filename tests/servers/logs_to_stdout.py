"""A server that prints log lines, plain and as JSON, between its messages, and answers every request."""

import json

from stdio import answer, messages

print("listening on stdio")
print(json.dumps({"level": 30, "msg": "started"}), flush=True)
for message in messages():
    if "id" in message:
        print(f"request {message['method']}")
        print("3.14")
        answer(message, {})

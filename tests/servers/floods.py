"""A server that, asked for `flood` (count, size), writes that many numbered notifications without a pause.

It then answers the request.
"""

from stdio import answer, messages, send

for message in messages():
    if message.get("method") != "flood":
        continue
    params = message["params"]
    filler = "x" * params["size"]
    for number in range(params["count"]):
        send({"method": "notifications/flood", "params": {"number": number, "filler": filler}})
    answer(message, {"written": params["count"]})

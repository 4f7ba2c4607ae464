"""An API Gateway WebSocket API on one machine, behind an edge that does CloudFront's part.

client -> edge (path to query) -> websocket -> connection -> calls (route handlers, in threads)
worker -> management (@connections) -> connection -> websocket -> client

What a client, a handler or a worker can observe is what they would observe on AWS: events, limits,
errors, close codes. Where the behaviour of AWS is not known, the code says so.
"""

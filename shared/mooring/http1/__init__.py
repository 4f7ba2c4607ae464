"""HTTP/1.1 between Mooring's own processes: keep-alive, whole bodies, nothing else.

The relay makes two HTTP exchanges per message, so their cost is the product's cost: this server and
this client are a protocol class each over httptools' C parser, with no task per request: three to five
times the requests per CPU-second of a general framework (`docs/decisions`). What faces the public is
not served by this module.
"""

from mooring.http1.client import Client, NotSent
from mooring.http1.messages import Headers, Request, Response
from mooring.http1.server import Address, Admits, Respond, serve, serve_on

__all__ = [
    "Address",
    "Admits",
    "Client",
    "Headers",
    "NotSent",
    "Request",
    "Respond",
    "Response",
    "serve",
    "serve_on",
]

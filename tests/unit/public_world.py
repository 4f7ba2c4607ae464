"""A public web and a public DNS on loopback: what the owners of hosts and names have put there."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

from benchmarks.authority import Authority
from mooring.claim_proofs import Proofs
from mooring.dns_lookups import DnsLookups
from mooring.public_web import PublicWeb

HOSTS = ("acme.test", "git.acme.test", "raw.githubusercontent.com")
LOOPBACK = "127.0.0.1"

Page = str | tuple[int, str]
"""A text, or a status with where it leads."""


@dataclass
class PublicWorld:
    tls: ssl.SSLContext
    """What trusts its hosts."""
    web_port: int = 0
    dns_port: int = 0
    pages: dict[str, Page] = field(default_factory=dict)
    """By URL."""
    texts: dict[str, list[str]] = field(default_factory=dict)
    """TXT records by name."""
    addresses: dict[str, list[str]] = field(default_factory=lambda: {host: [LOOPBACK] for host in HOSTS})
    asked: list[str] = field(default_factory=list)
    """URLs, in order."""

    @property
    def names(self) -> DnsLookups:
        return DnsLookups([LOOPBACK], self.dns_port, seconds=2)

    @property
    def web(self) -> PublicWeb:
        """Return a web of which loopback is a public part."""
        return PublicWeb(
            self.names.addresses,
            is_allowed=lambda address: address == LOOPBACK,
            tls=self.tls,
            port=self.web_port,
        )

    @property
    def proofs(self) -> Proofs:
        return Proofs(self.web, self.names)

    def forget(self) -> None:
        self.pages.clear()
        self.texts.clear()
        self.asked.clear()

    def answer(self, wire: bytes) -> bytes:
        """Answer a question of DNS."""
        question = dns.message.from_wire(wire)
        (asked,) = question.question
        name = asked.name.to_text(omit_final_dot=True)
        answer = dns.message.make_response(question)
        answer.flags |= dns.flags.RA
        found = {
            dns.rdatatype.TXT: [f'"{text}"' for text in self.texts.get(name, [])],
            dns.rdatatype.A: [one for one in self.addresses.get(name, []) if ":" not in one],
            dns.rdatatype.AAAA: [one for one in self.addresses.get(name, []) if ":" in one],
        }.get(asked.rdtype, [])
        if found:
            answer.answer.append(dns.rrset.from_text(asked.name, 60, "IN", asked.rdtype, *found))
        elif name not in {*self.texts, *self.addresses}:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        return answer.to_wire()


@contextmanager
def running(folder: Path) -> Iterator[PublicWorld]:
    authority = Authority(folder, *HOSTS)
    tls = ssl.create_default_context(cadata=authority.certificate.decode())
    world = PublicWorld(tls)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = f"https://{self.headers['Host']}{self.path}"
            world.asked.append(url)
            page = world.pages.get(url, (404, ""))
            status, location = (200, "") if isinstance(page, str) else page
            content = page.encode() if isinstance(page, str) else b"nothing"
            self.send_response(status)
            if location:
                self.send_header("Location", location)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            pass  # clients that have read enough hang up

    with (
        Server((LOOPBACK, 0), Handler) as web,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as dns_socket,
    ):
        web.socket = authority.context.wrap_socket(web.socket, server_side=True)
        dns_socket.bind((LOOPBACK, 0))
        world.web_port = web.server_address[1]
        world.dns_port = dns_socket.getsockname()[1]

        def tell_names() -> None:
            while True:
                wire, client = dns_socket.recvfrom(4096)
                if not wire:
                    return
                dns_socket.sendto(world.answer(wire), client)

        threads = [
            threading.Thread(target=web.serve_forever, args=(0.01,)),
            threading.Thread(target=tell_names),
        ]
        for thread in threads:
            thread.start()
        try:
            yield world
        finally:
            web.shutdown()
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
                last.sendto(b"", (LOOPBACK, world.dns_port))
            for thread in threads:
                thread.join()

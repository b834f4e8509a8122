"""Damaged messages to a running callrouter, over sockets: a process of its own.

`python flood.py SEED PLAIN TLS COUNT TARGET NUMBER`: to the port of UDP and TCP, and to that of
TLS, so many messages; a target answers at its port, and the number rings it. Of a hundred
messages 94 go by UDP. After each hundred a probe has to be answered, so that none is lost on the
way; then what came is read, and what could be said to it is said next. Prints how long the slowest
probe took, in milliseconds.
"""

import select
import socket
import ssl
import sys
import time
from pathlib import Path
from random import Random
from typing import Final

ROOT: Final = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from peers import CALLER, Peers, Place  # noqa: E402  # the path to it is told just above
from support.message import Message  # noqa: E402

TORTURE: Final = [file.read_bytes() for file in (ROOT / "tests/data/rfc4475").glob("*.dat")]
HOST: Final = "127.0.0.1"
BATCH: Final = 100
BY_TCP: Final = 4
BY_TLS: Final = 2
T1: Final = 0.5
PATIENCE: Final = 30.0
"""Seconds that a probe may take on a machine with other work; longer means that it is not heard."""


class Flood:
    """The sockets of a caller and of a target."""

    def __init__(self, seed: int, plain: int, tls: int, target: int, number: str) -> None:
        self.dice = Random(seed)
        self.peers = Peers(self.dice, [number])
        self.plain = (HOST, plain)
        self.tls = (HOST, tls)
        self.caller = self._bound(0)
        self.target = self._bound(target)
        self.probes = 0
        self.slowest = 0.0
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.context.check_hostname = False
        self.context.verify_mode = ssl.CERT_NONE

    def batch(self) -> None:
        """Send a hundred messages and hear what comes of them."""
        over_tcp = [self._next()[0] for _ in range(BY_TCP)]
        over_tls = [self._next()[0] for _ in range(BY_TLS)]
        for _ in range(BATCH - BY_TCP - BY_TLS):
            data, address = self._next()
            end = self.caller if address == CALLER else self.target
            end.sendto(data, self.plain)
        with socket.create_connection(self.plain) as line:
            self._by_stream(line, over_tcp)
        with (
            socket.create_connection(self.tls) as line,
            self.context.wrap_socket(line) as wrapped,
        ):
            self._by_stream(wrapped, over_tls)
        self._probe()

    def _next(self) -> tuple[bytes, Place]:
        return self.peers.next(TORTURE)

    @staticmethod
    def _by_stream(line: socket.socket, messages: list[bytes]) -> None:
        try:
            for data in messages:
                line.sendall(data)
        except OSError:
            return  # what was broken ended the connection, as it should

    def _probe(self) -> None:
        self.probes += 1
        rows = [
            ("Via", f"SIP/2.0/UDP {HOST};branch=z9hG4bKprobe{self.probes};rport"),
            ("From", "<sip:probe@127.0.0.1>;tag=p"),
            ("To", "<sip:127.0.0.1>"),
            ("Call-ID", f"probe-{self.probes}"),
            ("CSeq", "1 OPTIONS"),
            ("Max-Forwards", "70"),
        ]
        probe = Message("OPTIONS sip:127.0.0.1 SIP/2.0", rows).render()
        needle = f"Call-ID: probe-{self.probes}\r\n".encode()
        began = time.monotonic()
        again = began
        found = False
        while not found:
            now = time.monotonic()
            if now > began + PATIENCE:
                raise SystemExit(f"probe {self.probes} was not answered")
            if now >= again:
                # Once more after T1: the kernel drops what finds no room, there or here.
                self.caller.sendto(probe, self.plain)
                again = now + T1
            ready, _, _ = select.select([self.caller, self.target], [], [], again - now)
            for end in ready:
                found = self._read(end, needle) or found
        self.slowest = max(self.slowest, time.monotonic() - began)

    def _read(self, end: socket.socket, needle: bytes) -> bool:
        """Hear all that has come; say whether the probe's answer was there."""
        found = False
        while True:
            try:
                data = end.recv(65536)
            except BlockingIOError:
                return found
            found = found or needle in data
            self.peers.heard(data, CALLER if end is self.caller else (HOST, 0))

    @staticmethod
    def _bound(port: int) -> socket.socket:
        end = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        end.bind((HOST, port))
        end.setblocking(False)
        return end


def main() -> None:
    """Send all."""
    seed, plain, tls, count, target = map(int, sys.argv[1:6])
    flood = Flood(seed, plain, tls, target, sys.argv[6])
    for _ in range(count // BATCH):
        flood.batch()
    print(f"{flood.slowest * 1000:.0f}")  # noqa: T201  # the test reads it


if __name__ == "__main__":
    main()

"""Flood generator: INVITEs from strangers, as fast as asked, from a process beside SIPp.

`python -m callrouter.bench.flood_generator PORT RATE SECONDS SOURCES` sends from so many addresses
of 127/8, none of them 127.0.0.1, to 127.0.0.1:PORT and tells on stderr how many it sent and how
many answers it got.
"""

import socket
import sys
import time
from ipaddress import IPv4Address
from typing import Final

_FIRST: Final = int(IPv4Address("127.1.0.1"))
_SPACING: Final = 77
"""Between two sources: a /24 has three or four of them."""
_TICK: Final = 0.002
_BODY: Final = (
    "v=0\r\no=- 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n"
    "m=audio 6000 RTP/AVP 8 0 101\r\na=rtpmap:101 telephone-event/8000\r\n"
)
_INVITE: Final = (
    "INVITE sip:{number}@127.0.0.1 SIP/2.0\r\n"
    "Via: SIP/2.0/UDP {host}:{port};branch=z9hG4bK{number}x{port};rport\r\n"
    "Max-Forwards: 70\r\n"
    'From: "{number}" <sip:{number}@{host}>;tag={number}\r\n'
    "To: <sip:4000@127.0.0.1>\r\n"
    "Call-ID: {number}@{host}\r\n"
    "CSeq: 1 INVITE\r\n"
    "Contact: <sip:{number}@{host}:{port}>\r\n"
    "Content-Type: application/sdp\r\n"
    "Content-Length: {length}\r\n\r\n{body}"
)


def flood(port: int, rate: int, seconds: float, sources: int) -> tuple[int, int]:
    """Send; returns how many were sent and how many answers came."""
    hosts = (str(IPv4Address(_FIRST + number * _SPACING)) for number in range(sources))
    sockets = [_bound(host) for host in hosts]
    began = time.monotonic()
    sent = 0
    while (past := time.monotonic() - began) < seconds:
        while sent < past * rate:
            sock = sockets[sent % len(sockets)]
            sock.sendto(_invite(sent, *sock.getsockname()), ("127.0.0.1", port))
            sent += 1
        time.sleep(_TICK)
    answers = sum(map(_drained, sockets))
    for sock in sockets:
        sock.close()
    return sent, answers


def _bound(host: str) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setblocking(False)
    sock.bind((host, 0))
    return sock


def _invite(number: int, host: str, port: int) -> bytes:
    body = _BODY.format(host=host)
    text = _INVITE.format(number=number, host=host, port=port, length=len(body), body=body)
    return text.encode()


def _drained(sock: socket.socket) -> int:
    """How many datagrams wait in a socket."""
    count = 0
    while True:
        try:
            sock.recv(65_536)
        except BlockingIOError:
            return count
        count += 1


if __name__ == "__main__":
    done = flood(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]))
    sys.stderr.write("{} {}\n".format(*done))

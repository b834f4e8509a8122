"""The program that conformance is tested on, and requests to it that no phone would make."""

import ssl
from pathlib import Path
from typing import Final, TypeVar

from support.edge import OURS, Authority, Edge, Ports, lay_out_edge
from support.message import Message
from support.phone import Phone, token
from support.ports import free_port
from support.serving import Serving
from support.stream_phone import StreamPhone

P = TypeVar("P", bound=Phone)

STRANGER: Final = "127.200.0.1"
"""An address that is in no trunk."""

_DIALPLAN: Final = """\
country: CN
trunks: {{near: {{addresses: [127.0.0.0/9, "::1"], transfer: both}}}}
gateways:
  named: {{address: "127.0.0.1:{named}", transport: tls, tls_name: pbx.test}}
  either: {{address: "127.0.0.1:{either}", transport: auto}}
  told: {{address: "127.0.0.1:{udp}", diversion: true, history_info: true}}
  far: {{address: "127.0.0.1:{far}", history_info: true}}
targets:
  udp: {{uri: "sip:desk@127.0.0.1:{udp}"}}
  tcp: {{uri: "sip:desk@127.0.0.1:{tcp};transport=tcp"}}
  named: {{number: "07561234567", via: named}}
  either: {{number: "07561234567", via: either}}
  lcr: {{uri: "sip:lcr@127.0.0.1:{udp}"}}
  told: {{number: "13912345678", via: told}}
  next: {{number: "13812345678", via: told}}
  tcp_lcr: {{uri: "sip:lcr@127.0.0.1:{tcp};transport=tcp"}}
numbers:
  "7001": {{route: [{{hunt: [udp]}}]}}
  "7002": {{route: [{{hunt: [tcp]}}]}}
  "7004": {{route: [{{hunt: [named]}}]}}
  "7006": {{route: [{{hunt: [either]}}]}}
  "7010": {{route: [{{hunt: [lcr], redirects: follow}}]}}
  "7011": {{route: [{{hunt: [told], redirects: follow}}]}}
  "7012": {{route: [{{hunt: [told, next], redirects: follow}}]}}
  "7013": {{route: [{{hunt: [tcp_lcr], redirects: follow}}]}}
"""


class Program(Edge):
    """The program, and the phones that a test has opened."""

    def __init__(self, serving: Serving, ports: Ports, authority: Authority) -> None:
        super().__init__(serving, ports, authority)
        self._opened: list[Phone] = []

    async def caller(self, transport: str, host: str = "127.0.0.1") -> Phone:
        return self.keep(await super().caller(transport, host))

    async def callee(self, transport: str, name: str = "", host: str = "127.0.0.1") -> Phone:
        return self.keep(await super().callee(transport, name, host))

    async def phone(self, host: str = "127.0.0.1", port: int = 0) -> Phone:
        """A phone on UDP, anywhere."""
        return self.keep(await Phone.open(host, port or free_port(), self.at("udp")))

    async def stream(self) -> StreamPhone:
        """A phone on TCP."""
        return self.keep(await StreamPhone.connect(self.at("tcp")))

    async def listen(self, name: str, context: ssl.SSLContext | None = None) -> StreamPhone:
        """A target on TCP or TLS."""
        port = self.ports.target(name)
        server = self.at("tls" if context is not None else "tcp")
        return self.keep(await StreamPhone.listen("127.0.0.1", port, server, context))

    def keep(self, phone: P) -> P:
        """Close it at the end of the test."""
        self._opened.append(phone)
        return phone

    async def close_phones(self) -> None:
        """The test is over."""
        while self._opened:
            await self._opened.pop().close()


async def open_program(folder: Path) -> Program:
    """Start it in a folder."""
    authority, ports = Authority(folder), Ports()
    authority.issue("own", *OURS)
    authority.issue("other", "other.test")
    names = ("udp", "tcp", "named", "either", "far")
    dialplan = _DIALPLAN.format(**{name: ports.target(name) for name in names})
    return Program(await Serving.start(lay_out_edge(folder, ports, dialplan)), ports, authority)


def probe(via: str, *rows: tuple[str, str]) -> Message:
    """An OPTIONS. via: transport, sent-by and parameters but the branch."""
    name = token()
    return Message(
        "OPTIONS sip:127.0.0.1 SIP/2.0",
        [
            ("Via", f"SIP/2.0/{via};branch=z9hG4bK{name}"),
            ("From", f"<sip:probe@127.0.0.1>;tag={name}"),
            ("To", "<sip:127.0.0.1>"),
            ("Call-ID", name),
            ("CSeq", "1 OPTIONS"),
            ("Max-Forwards", "70"),
            *rows,
        ],
    )


def raw(phone: Phone, data: bytes) -> None:
    """Send a datagram as it is."""
    assert phone._transport is not None
    phone._transport.sendto(data, phone._server)

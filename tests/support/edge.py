"""A callrouter with every kind of listener, and the certificates of all who talk to it."""

import json
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

import trustme

from support.message import SDP, Message
from support.phone import Phone
from support.ports import free_port
from support.serving import PUNCTUAL, Place, Serving
from support.stream_phone import StreamPhone

OURS: Final = ("127.0.0.1", "::1", "sip.test")
"""Whom callrouter's own certificate is for."""


class Authority:
    """Who signs the certificates of a test, as files in a folder."""

    def __init__(self, folder: Path) -> None:
        self._authority = trustme.CA()
        self._folder = folder
        self.file = folder / "authorities.pem"
        self._authority.cert_pem.write_to_path(self.file)

    def issue(self, name: str, *names: str) -> tuple[Path, Path]:
        """Write `name`.pem and `name`.key, a certificate for all of `names`."""
        made = self._authority.issue_cert(*names)
        certificate, key = self._folder / f"{name}.pem", self._folder / f"{name}.key"
        # As who deploys does it: a file is there whole or not at all.
        for pem, file in ((made.cert_chain_pems[0], certificate), (made.private_key_pem, key)):
            fresh = file.with_suffix(".new")
            pem.write_to_path(fresh)
            fresh.replace(file)
        return certificate, key

    def client(self, *names: str) -> ssl.SSLContext:
        """A context to call with; it shows a certificate for these names, if there are any."""
        context = ssl.create_default_context(cafile=self.file)
        if names:
            context.load_cert_chain(*self.issue(f"client-{names[0]}", *names))
        return context

    def server(self, *names: str, clients: bool = False) -> ssl.SSLContext:
        """A context to be called with. clients: these must show a certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.issue(f"server-{names[0]}", *names))
        if clients:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.file)
        return context


@dataclass(slots=True)
class Ports:
    """Where callrouter listens, and its targets by name."""

    plain: int = field(default_factory=free_port)
    tls: int = field(default_factory=free_port)
    targets: dict[str, int] = field(default_factory=dict)

    def target(self, name: str) -> int:
        """The port of a target; the same each time."""
        return self.targets.setdefault(name, free_port())


def lay_out_edge(
    folder: Path, ports: Ports, dialplan: str, *, limits: str = "{}", only: tuple[object, ...] = ()
) -> Place:
    """Write settings with UDP, TCP and TLS on 127.0.0.1 and ::1, and a dialplan.

    limits: the settings' `connections`. only: other listeners instead. The certificate is
    `own.pem`.
    """
    place = Place(folder, folder / "callrouter.yaml", ports.plain, free_port())
    (folder / "dialplan.yaml").write_text(dialplan, encoding="utf-8")
    listen: list[object] = [
        f"{kind}:{host}:{ports.tls if kind == 'tls' else ports.plain}"
        for host in ("127.0.0.1", "[::1]")
        for kind in ("udp", "tcp", "tls")
    ]
    place.config.write_text(
        f"listen: {json.dumps(only or listen)}\n"
        "tls:\n"
        "  certificate: own.pem\n"
        "  key: own.key\n"
        "  by_name: [{name: other.test, certificate: other.pem, key: other.key}]\n"
        "  authorities: authorities.pem\n"
        f"connections: {limits}\n"
        f"limits: {{{PUNCTUAL}}}\n"
        "dialplan: dialplan.yaml\n"
        f"metrics: '127.0.0.1:{place.metrics_port}'\n"
        "log: {level: info, format: text}\n",
        encoding="utf-8",
    )
    return place


_DIALPLAN: Final = """\
country: CN
trunks:
  near: {{addresses: [127.0.0.1, "::1"]}}
  carrier: {{tls_peer: [carrier.test]}}
gateways:
  named: {{address: "127.0.0.1:{named}", transport: tls, tls_name: pbx.test}}
  either: {{address: "127.0.0.1:{either}", transport: auto}}
targets:
  udp: {{uri: "sip:desk@127.0.0.1:{udp}"}}
  tcp: {{uri: "sip:desk@127.0.0.1:{tcp};transport=tcp"}}
  tls: {{uri: "sip:desk@127.0.0.1:{tls};transport=tls"}}
  sips: {{uri: "sips:desk@127.0.0.1:{tls}"}}
  named: {{number: "07561234567", via: named}}
  either: {{number: "07561234567", via: either}}
  sixth: {{uri: "sip:desk@[::1]:{sixth}"}}
  sixth_tcp: {{uri: "sip:desk@[::1]:{sixth};transport=tcp"}}
  sixth_tls: {{uri: "sip:desk@[::1]:{sixth_tls};transport=tls"}}
numbers:
  "7001": {{route: [{{hunt: [udp]}}]}}
  "7002": {{route: [{{hunt: [tcp]}}]}}
  "7003": {{route: [{{hunt: [tls]}}]}}
  "7004": {{route: [{{hunt: [named]}}]}}
  "7005": {{route: [{{hunt: [tcp, udp], ring: 20s}}]}}
  "7006": {{route: [{{hunt: [either]}}]}}
  "7007": {{route: [{{hunt: [tls, udp], ring: 20s}}]}}
  "7008": {{route: [{{hunt: [udp, sips]}}]}}
  "7011": {{route: [{{hunt: [sixth]}}]}}
  "7012": {{route: [{{hunt: [sixth_tcp]}}]}}
  "7013": {{route: [{{hunt: [sixth_tls]}}]}}
"""
_NAMES: Final = ("udp", "tcp", "tls", "named", "either", "sixth", "sixth_tls")


class Edge:
    """A callrouter with a number for each way to a target, and how to be a party of it."""

    def __init__(self, serving: Serving, ports: Ports, authority: Authority) -> None:
        self.serving = serving
        self.ports = ports
        self.authority = authority

    @classmethod
    async def open(cls, folder: Path) -> Self:
        """Start it."""
        authority, ports = Authority(folder), Ports()
        authority.issue("own", *OURS)
        authority.issue("other", "other.test")
        dialplan = _DIALPLAN.format(**{name: ports.target(name) for name in _NAMES})
        return cls(await Serving.start(lay_out_edge(folder, ports, dialplan)), ports, authority)

    def at(self, transport: str, host: str = "127.0.0.1") -> tuple[str, int]:
        """Where it listens."""
        return host, self.ports.tls if transport == "tls" else self.ports.plain

    async def caller(self, transport: str, host: str = "127.0.0.1") -> Phone:
        """Who will call."""
        server = self.at(transport, host)
        if transport == "udp":
            return await Phone.open(host, free_port(), server)
        context = self.authority.client() if transport == "tls" else None
        return await StreamPhone.connect(server, context)

    async def callee(self, transport: str, name: str = "", host: str = "127.0.0.1") -> Phone:
        """Who will be called: the target of this name, else of its transport."""
        port = self.ports.target(name or transport)
        server = self.at(transport, host)
        if transport == "udp":
            phone = await Phone.open(host, port, server)
            phone.newcomer = True
            return phone
        context = self.authority.server(host) if transport == "tls" else None
        return await StreamPhone.listen(host, port, server, context)


async def talk(caller: Phone, callee: Phone, number: str) -> Message:
    """A whole call, hung up by the callee; returns the INVITE that the callee got."""
    caller.invite(number)
    invite = await callee.expect("INVITE")
    callee.reply(invite, 180)
    await caller.expect(180)
    callee.reply(invite, 200, SDP)
    caller.ack(await caller.expect(200))
    await callee.expect("ACK")
    callee.request("BYE")
    caller.reply(await caller.expect("BYE"), 200)
    await callee.expect(200)
    return invite

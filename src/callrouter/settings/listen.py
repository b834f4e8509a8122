"""Settings of sockets: listeners, TLS, and what connections may take of us."""

import os
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NamedTuple, Self

from pydantic import BeforeValidator, Field

from callrouter.dialplan.grammar import field_types as fields
from callrouter.net.transport.connection_limits import StreamLimits
from callrouter.net.transport.tls import Certificate, TlsOptions
from callrouter.yamlfile.mistakes import StrictModel
from callrouter.yamlfile.wording import shown

_WANTED: Final = 'a transport and an IP address such as "udp:192.0.2.1:5060"'
_KEYS: Final = frozenset(("bind", "advertise"))
SYSTEM: Final = Path("system")
"""In `authorities`: those that the system trusts."""


class Listen(NamedTuple):
    """A listener. transport: "udp", "tcp" or "tls". host: an IP address without brackets.

    advertise: where peers are told to send, None for the listener's own address.
    """

    transport: str
    host: str
    port: int
    advertise: fields.SocketAddress | None = None

    @property
    def places(self) -> list[tuple[str, str, int]]:
        """Transport, address and port, as the socket has them and as peers are told."""
        own = [(self.transport, self.host, self.port)]
        return own if self.advertise is None else [*own, (self.transport, *self.advertise)]


def listen(value: object) -> Listen:
    """Read a listener: its text, or a mapping of `bind` and `advertise`. Raises ValueError."""
    if not isinstance(value, Mapping):
        return _bound(value, advertise=None)
    if not _KEYS.issuperset(value) or "bind" not in value:
        raise ValueError(f"expected {_WANTED}, or its parts 'bind' and 'advertise'")
    if "advertise" not in value:
        return _bound(value["bind"], advertise=None)
    found = _bound(value["bind"], advertise=value["advertise"])
    told = found.advertise
    if told is None or (":" in told.host) != (":" in found.host):
        raise ValueError(f"expected 'advertise' of the same kind of address as {found.host}")
    if ip_address(told.host).is_unspecified:
        raise ValueError("expected an address in 'advertise' that peers can send to")
    return found


def _bound(value: object, advertise: object) -> Listen:
    transport, _, place = value.partition(":") if isinstance(value, str) else ("", "", "")
    if transport not in {"udp", "tcp", "tls"}:
        raise ValueError(f"expected {_WANTED}, found {shown(value)}")
    host, port = fields.address(place, fields.usual_port(transport))
    told = None if advertise is None else fields.address(advertise, port)
    if told is None and ip_address(host).is_unspecified:
        raise ValueError(
            "expected the address of one interface, since peers are told to send there; or write "
            f"{{bind: {shown(value)}, advertise: ADDRESS}}"
        )
    return Listen(transport, host, port, told)


def _file(value: object) -> Path:
    if not isinstance(value, str) or not value or not value.isprintable():
        raise ValueError(f"expected the name of a file, found {shown(value)}")
    return Path(value)


Listener = Annotated[Listen, BeforeValidator(listen)]
PemFile = Annotated[Path, BeforeValidator(_file)]
Wait = Annotated[float, fields.duration(1, 300)]
Idle = Annotated[float, fields.duration(60, 604800)]
Ping = Annotated[float, fields.duration(0, 3600)]


class OwnCertificate(StrictModel):
    """A certificate of ours and its key."""

    certificate: PemFile = Field(
        description="PEM file of the certificate and those between it and its authority; "
        "relative to the settings file, as is `key`.",
        examples=["tls/fullchain.pem"],
    )
    key: PemFile = Field(
        description="PEM file of its key, without a password.", examples=["tls/key.pem"]
    )

    def placed(self, folder: Path) -> Self:
        """The same, its files named from the folder of the settings."""
        files = {"certificate": self.certificate, "key": self.key}
        placed = {name: Path(os.path.normpath(folder / file)) for name, file in files.items()}
        return self.model_copy(update=placed)


class NamedCertificate(OwnCertificate):
    """A certificate for who asks for a name."""

    name: fields.HostName = Field(
        description="The name that peers ask for.", examples=["sip.example.net"]
    )


class TlsSettings(OwnCertificate):
    """How TLS is spoken. Files that change are read again by themselves."""

    by_name: list[NamedCertificate] = Field(
        default=[],
        description="Other certificates, each with its `certificate` and `key`, for peers that ask "
        "for its `name` (SNI).",
        examples=[[{"name": "sip.example.net", "certificate": "net.pem", "key": "net.key"}]],
    )
    authorities: PemFile = Field(
        default=SYSTEM,
        description="Whom we trust to say who a peer is: `system`, or a PEM file.",
        examples=["tls/authorities.pem"],
    )
    client_certificates: Literal["none", "optional", "required"] = Field(
        default="optional",
        description="Whether peers that come to us are asked for a certificate. A bad one "
        "ends the connection.",
        examples=["required"],
    )
    minimum: Literal["1.2", "1.3"] = Field(
        default="1.2", description="The oldest version of TLS that is spoken.", examples=["1.3"]
    )

    def placed(self, folder: Path) -> Self:
        """The same, its files named from the folder of the settings."""
        more: dict[str, Any] = {"by_name": [own.placed(folder) for own in self.by_name]}
        if self.authorities != SYSTEM:
            more["authorities"] = Path(os.path.normpath(folder / self.authorities))
        return super().placed(folder).model_copy(update=more)

    def options(self) -> TlsOptions:
        """The same, as the sockets want it."""
        return TlsOptions(
            Certificate(self.certificate, self.key),
            {own.name: Certificate(own.certificate, own.key) for own in self.by_name},
            None if self.authorities == SYSTEM else self.authorities,
            self.client_certificates,
            self.minimum,
        )


class Connections(StrictModel):
    """What TCP and TLS connections may take of us. Each limit has a counter in the metrics."""

    all: int = Field(
        default=10_000, ge=1, le=1_000_000, description="Opened by peers, in all.", examples=[20000]
    )
    for_trunks: int = Field(
        default=10,
        ge=0,
        le=90,
        description="Percent of `all` that only addresses of trunks get.",
        examples=[20],
    )
    per_source: int = Field(
        default=1000,
        ge=1,
        le=1_000_000,
        description="Opened by peers from one address, or one /64 of IPv6.",
        examples=[100],
    )
    handshake: Wait = Field(
        default=10.0, description="How long a TLS handshake may take.", examples=["5s"]
    )
    first_message: Wait = Field(
        default=25.0,
        description="How long the first whole message may take to come.",
        examples=["10s"],
    )
    message: Wait = Field(
        default=25.0,
        description="How long a message may take from its first byte to its last.",
        examples=["10s"],
    )
    idle: Idle = Field(
        default=7200.0,
        description="How long a connection may be without any byte from the peer.",
        examples=["30m"],
    )
    ping: Ping = Field(
        default=0.0,
        description="How long a connection of ours is quiet before we ping the peer (RFC 5626); "
        "`0s`: never.",
        examples=["60s"],
    )
    unsent: int = Field(
        default=1_048_576,
        ge=65_536,
        le=67_108_864,
        description="Bytes that may wait for a peer that does not read.",
        examples=[262144],
    )
    message_size: int = Field(
        default=65_536,
        ge=2048,
        le=1_048_576,
        description="Bytes of the largest message that is taken.",
        examples=[32768],
    )

    def limits(self) -> StreamLimits:
        """The same, as the sockets want it."""
        return StreamLimits(connections=self.all, **self.model_dump(exclude={"all"}))

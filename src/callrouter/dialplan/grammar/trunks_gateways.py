"""The grammar of trunks and gateways: where calls come from and go to."""

from typing import Literal, Self

from pydantic import Field, model_validator

from callrouter.dialplan.grammar import field_types as fields
from callrouter.dialplan.grammar.field_types import Country
from callrouter.dialplan.grammar.gateway_failover import ProbeEntry, RestEntry
from callrouter.dialplan.grammar.login_credentials import AuthEntry, RegisterEntry
from callrouter.dialplan.grammar.lookups import Pace
from callrouter.dialplan.grammar.names import Gateway
from callrouter.dialplan.grammar.peers import PeerEntry


class TrunkEntry(PeerEntry):
    """Where calls come from: a carrier, told by the addresses it sends from."""

    addresses: list[fields.Network] = Field(
        default=[],
        description="Addresses and networks it sends from. Where trunks overlap, the smaller "
        "network wins. May be left out where there is `tls_peer`, `auth` or `phones`.",
        examples=[["203.0.113.0/24", "2001:db8::/32"]],
    )
    tls_peer: list[fields.HostName] = Field(
        default=[],
        description="Names of its certificate. Who shows a certificate with one of them that was "
        "verified belongs to this trunk, whatever address it comes from.",
        examples=[["sip.carrier.example"]],
    )
    auth: AuthEntry | None = Field(
        default=None,
        description="It has to prove by a password that it is this trunk: what it sends outside a "
        "call is challenged with 401. Without addresses it is known by its user name alone.",
        examples=[{"user": "carrier_a", "password_file": "/etc/callrouter/carrier-a-password"}],
    )
    phones: bool = Field(
        default=False,
        description="`true`: the calls of the extensions' telephones come in here, from any "
        "address, each proven by its password.",
        examples=[True],
    )
    registered: Gateway | None = Field(
        default=None,
        description="The gateway whose registration its calls come by: from whatever address, to "
        "the Contact that only this gateway was told. The number called stands in To: then.",
        examples=["carrier_a"],
    )
    called: Literal["request_uri", "to"] = Field(
        default="request_uri",
        description="Where the called number stands: in the Request-URI or in the To: header.",
        examples=["to"],
    )
    country: Country | None = Field(
        default=None,
        description="How this trunk writes national numbers, when not as the dialplan does.",
        examples=["VN"],
    )
    lines: fields.Lines | None = Field(
        default=None, description="Calls it may have at the same time.", examples=[100]
    )
    answer_within: fields.Total | None = Field(
        default=None,
        description="How long its callers wait for an answer before it gives the call up: 1s to "
        "3600s. `check` warns of routes that ring longer.",
        examples=["180s"],
    )
    calls_per_second: Pace | None = Field(
        default=None,
        description="Calls to numbers of the dialplan that it may come with in any second. One "
        "more is refused as `over_limit`.",
        examples=[10],
    )
    packets_per_second: int | None = Field(
        default=None,
        ge=1,
        le=1_000_000,
        description="Datagrams that it may send in any second; more are dropped and counted.",
        examples=[2000],
    )
    dtmf: Literal["events", "inband"] = Field(
        default="events",
        description="How its callers' keys come: as telephone-events and INFO, or also as tones in "
        "the audio, which cost much to find.",
        examples=["inband"],
    )
    caller: Literal["from", "pai"] = Field(
        default="from",
        description="Where the caller's number stands: in From, or in P-Asserted-Identity when it "
        "is there, which asks for `trusted`.",
        examples=["pai"],
    )
    transfer: Literal["callee", "both", "none"] = Field(
        default="callee",
        description="Who of its calls may transfer them (REFER). A call that is recorded or has "
        "hold music: the callee only, and to a number.",
        examples=["both"],
    )

    @model_validator(mode="after")
    def _believed(self) -> Self:
        if self.caller == "pai" and not self.trusted:
            raise ValueError("expected 'trusted: true' where there is 'caller: pai'")
        return self

    @model_validator(mode="after")
    def _known_by_something(self) -> Self:
        if self.phones and (self.addresses or self.tls_peer or self.auth or self.registered):
            raise ValueError("telephones are known by their passwords: leave out the rest")
        if not (self.addresses or self.tls_peer or self.auth or self.phones or self.registered):
            raise ValueError("expected 'addresses', 'tls_peer' or 'auth', by which it is known")
        return self


class GatewayEntry(PeerEntry):
    """Where calls to telephone numbers go out."""

    address: fields.SipAddress = Field(
        description="IP address, and port when it is not 5060, or 5061 by TLS; or a DNS name, "
        "whose SRV records count when no port is written.",
        examples=["192.0.2.1:5080"],
    )
    transport: Literal["udp", "tcp", "tls", "auto"] = Field(
        default="udp",
        description="How to send to it. `auto`: by UDP, and by TCP what is larger than 1,300 "
        "bytes. When left out at a name without port: as DNS says (NAPTR, SRV).",
        examples=["tcp"],
    )
    tls_name: fields.HostName | None = Field(
        default=None,
        description="The name that its certificate must have. When left out: what `address` says.",
        examples=["sip.carrier.example"],
    )
    probe: ProbeEntry | None = Field(
        default=None,
        description="How it is asked whether it is there. When left out it is never asked.",
        examples=[{"every": "10s", "down_after": 3}],
    )
    rest: RestEntry | None = Field(
        default=None,
        description="When it gets no calls for a while. When left out it gets calls whatever "
        "becomes of them.",
        examples=[{"failures": 3, "for": "30s"}],
    )
    auth: AuthEntry | None = Field(
        default=None,
        description="How its challenges (401 and 407) are answered. Nobody else's ever are.",
        examples=[{"user": "0756", "password_env": "CALLROUTER_CARRIER_PASSWORD"}],
    )
    register_: RegisterEntry | None = Field(
        default=None,
        alias="register",
        description="Register with it. `{}`: by the user of `auth`, for ten minutes each time.",
        examples=[{"expires": "10m"}],
    )
    diversion: bool = Field(
        default=False,
        description="`true`: the INVITE says in Diversion which number was called and why the "
        "call comes here.",
        examples=[True],
    )
    history_info: bool = Field(
        default=False,
        description="`true`: the INVITE says in History-Info by which way the call came.",
        examples=[True],
    )

    @model_validator(mode="after")
    def _named_by_tls(self) -> Self:
        if self.tls_name is not None and self.transport != "tls":
            raise ValueError("expected 'transport: tls' where there is 'tls_name'")
        return self

    @property
    def place(self) -> fields.SocketAddress:
        """Its address with the port that its transport usually has."""
        host, port = self.address
        return fields.SocketAddress(host, port or fields.usual_port(self.transport))

"""Redirection by a target's 3xx, as far as it is followed (RFC 3261 section 8.1.3.4).

Rules. Only hosts that the dialplan itself names are followed to: a redirection must not make an
open relay of us. So each name that may stand in one is known before the first call, and is looked
up ahead like those of gateways: nothing here waits for DNS. Who is wanted most is rung first, and
nobody is rung twice in a hunt because of redirections, so two that point at each other end.
"""

import re
from collections.abc import Sequence
from typing import Final

from callrouter.call.interwork.diversion import redirection_of
from callrouter.errors import SipError
from callrouter.route.decide.reach import anybody_may_reach, redirected
from callrouter.route.decide.routing import MOST_DIVERSIONS
from callrouter.route.rules.compiled_dialplan import Dialplan
from callrouter.route.values.gateway_candidates import (
    Gateway,
    GatewayCandidate,
    TransportAddress,
    arranged,
    name_of,
    redirect_goals,
)
from callrouter.route.values.plan import Hunt, Redirection, Target
from callrouter.route.values.seeded_random import Dice
from callrouter.route.values.snapshot import Snapshot
from callrouter.sip.headers import parse_address, parse_params, split_values
from callrouter.sip.message import Response
from callrouter.sip.uri import Uri, canonical_host, equivalent, host_port, parse_uri, usual_port

_TRANSPORTS: Final = frozenset(("", "udp", "tcp", "tls"))
_MOST_CONTACTS: Final = 50
_LEAST: Final = 0.0
_MOST: Final = 1.0
_Q: Final = re.compile(r"[0-9](?:\.[0-9]{0,8})?|\.[0-9]{1,8}")
# Where a request goes is said by the host, the port and the transport, which are written anew; why
# it goes there stands in headers. The others may lead it astray (RFC 3261 section 19.1.5).
_OURS: Final = frozenset(("transport", "maddr", "ttl", "method", "lr", "cause"))


class Redirections:
    """The redirections of one hunt."""

    __slots__ = ("_hosts", "_known", "_left")

    def __init__(self, hunt: Hunt) -> None:
        self._hosts = hunt.redirect_hosts
        self._left = hunt.redirects
        self._known: list[Uri] = []

    def follow(
        self,
        target: Target,
        leg: int,
        response: Response,
        dialplan: Dialplan,
        state: Snapshot,
        diversions: int,
        after: str,
        at: float,
    ) -> list[Target]:
        """The targets that a 3xx names, in the order to ring them, as many as may be followed.

        Each has the timers of the one that sent it, whose leg has this number. state: knows where
        names are. A name that DNS has not told of stays one, to which nothing can be sent.
        diversions: how often the call was forwarded before it came here; once more to its target,
        and for each 3xx. after: how the target before this round had ended, "" for none. at: steady
        time.
        """
        before = diversions + 1 + len(target.redirections)
        if not self._left or before >= MOST_DIVERSIONS:
            return []
        known = self._known
        known.append(_known_as(parse_uri(target.uri)))
        chain = (*target.redirections, redirection_of(target, leg, response, after))
        followed: list[Target] = []
        for uri in contacts(response):
            host = canonical_host(uri.host)
            transport = "tls" if uri.scheme == "sips" else uri.transport.lower()
            if host not in self._hosts or transport not in _TRANSPORTS:
                continue
            asked = _known_as(uri)
            if any(equivalent(asked, other) for other in known):
                continue  # a URI is in the target set once (section 8.1.3.4)
            gateway = _gateway_at(dialplan, host, uri, transport)
            if gateway is not None and gateway.name in state.down:
                continue
            known.append(asked)
            if gateway is not None and target.extension:
                # A telephone sends the call outside: as far as its extension may call there.
                made = redirected(dialplan, state, at, target.extension, uri.subscriber())
                if made is None:
                    continue
                made.redirections = chain
            elif (
                gateway is not None
                and gateway.name != target.gateway  # which was given the call, and knows where to
                and not anybody_may_reach(dialplan, uri.subscriber())
            ):
                continue
            else:
                made = _followed(target, uri, host, transport, state, gateway=gateway, chain=chain)
            followed.append(made)
            if len(followed) == self._left:
                break
        self._left -= len(followed)
        return followed


def contacts(response: Response) -> list[Uri]:
    """Read the SIP URIs of a 3xx's Contacts, those with the highest q first (section 20.10).

    What is no SIP URI is left out. Without q a URI is wanted as much as one can be, and those of
    one q stay in their order. A q that is none says nothing of how much: such a URI comes last.
    """
    found: list[tuple[float, Uri]] = []
    for value in split_values(response.rows("contact"))[:_MOST_CONTACTS]:
        try:
            address = parse_address(value)
            uri = parse_uri(address.uri)
        except SipError:
            continue
        if uri.scheme in {"sip", "sips"} and uri.host:
            found.append((_q(address.params), uri))
    found.sort(key=lambda one: -one[0])
    return [uri for _, uri in found]


def _q(params: str) -> float:
    if not params:
        return _MOST
    try:
        text = parse_params(params).get("q")
    except SipError:
        return _LEAST
    if text is None:
        return _MOST
    value = float(text) if _Q.fullmatch(text) else _LEAST
    return value if value <= _MOST else _LEAST


def _known_as(uri: Uri) -> Uri:
    """The URI as it is compared: what stands for the same place is written alike."""
    transport = "tls" if uri.scheme == "sips" else (uri.transport or "UDP").lower()
    port = uri.port or usual_port(transport)
    params = "".join(f";{part}" for part in _kept(uri))
    return Uri(
        uri.scheme, uri.user, canonical_host(uri.host), port, f"{params};transport={transport}", ""
    )


def _kept(uri: Uri) -> list[str]:
    """The parameters of a URI that are not ours to say."""
    parts = uri.params[1:].split(";") if uri.params else ()
    return [part for part in parts if part and part.partition("=")[0].lower() not in _OURS]


def _gateway_at(dialplan: Dialplan, host: str, uri: Uri, transport: str) -> Gateway | None:
    """The gateway of the dialplan that is there, which is dealt with as always."""
    port = uri.port or usual_port(transport)
    for gateway in dialplan.gateways.values():
        goal = gateway.goal
        if not gateway.of_uri and goal.host == host and goal.port in {uri.port, port}:
            return gateway
    return None


def _followed(
    target: Target,
    uri: Uri,
    host: str,
    transport: str,
    state: Snapshot,
    gateway: Gateway | None,
    chain: tuple[Redirection, ...],
) -> Target:
    services, addresses = (name_of(goal) for goal in redirect_goals(host))
    places = state.places or {}
    known = services in places
    port = uri.port or usual_port(transport or "udp")
    # A name without port is written so: with one, SRV records would not count (RFC 3263 4.2).
    place = uri.host if known and not uri.port else host_port(uri.host, port)
    text = f"{uri.scheme}:{uri.user}@{place}" if uri.user else f"{uri.scheme}:{place}"
    text += "".join(f";{part}" for part in _kept(uri))
    if transport not in {"", "udp"} and uri.scheme != "sips":
        text += f";transport={transport}"
    made = Target(
        name=f"{target.name} -> {place}",
        uri=text,
        host=uri.host,
        port=port,
        transport=transport or "udp",
        ring_seconds=target.ring_seconds,
        progress_seconds=target.progress_seconds,
        # Where no gateway is known to be, who sent the call on speaks for the place.
        diversion=target.diversion if gateway is None else gateway.diversion,
        history_info=target.history_info if gateway is None else gateway.history_info,
        redirections=chain,
        rate_plan=target.rate_plan,
    )
    if gateway is not None:
        made.gateway, made.login, made.tls_name = gateway.name, gateway.login, gateway.tls_name
    if not known:
        return made
    made.tls_name = made.tls_name or host
    at: Sequence[TransportAddress] = places[services] if not uri.port else ()
    at = [it for it in at if transport in {"", it.transport}]
    if not at:
        at = [TransportAddress(made.transport, it.host, port) for it in places.get(addresses, ())]
    return (
        arranged(
            (GatewayCandidate(target=made, gateway="", named=True),),
            Dice(state.seed),
            frozenset(),
            {"": at},
        )
        or made
    )

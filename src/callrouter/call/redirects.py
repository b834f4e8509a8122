"""Where a 3xx answer of a target points, as far as it is followed (RFC 3261 section 8.1.3.4).

Rules. Only hosts that the dialplan itself names are followed to: a redirection must not make an
open relay of us. So each name that may stand in one is known before the first call, and is looked
up ahead like those of gateways: nothing here waits for DNS.
"""

from collections.abc import Sequence
from typing import Final

from callrouter.call.policy import canonical_host, redirect_uris
from callrouter.route.chance import Dice
from callrouter.route.gateways import Place, Way, arranged, name_of, redirect_goals
from callrouter.route.plan import Target
from callrouter.route.snapshot import Snapshot
from callrouter.sip.message import Response
from callrouter.sip.uri import Uri, host_port, usual_port

_TRANSPORTS: Final = frozenset(("", "udp", "tcp", "tls"))


def redirected(
    target: Target, response: Response, hosts: frozenset[str], state: Snapshot
) -> list[Target]:
    """The targets a 3xx names, each with the timers of the one that sent it.

    hosts: the only ones that are followed to. state: knows where names are. A name that DNS has
    not told of stays one, to which nothing can be sent.
    """
    followed: list[Target] = []
    for uri in redirect_uris(response):
        host = canonical_host(uri.host)
        transport = "tls" if uri.scheme == "sips" else (uri.param("transport") or "").lower()
        if host in hosts and transport in _TRANSPORTS:
            followed.append(_followed(target, uri, host, transport, state))
    return followed


def _followed(target: Target, uri: Uri, host: str, transport: str, state: Snapshot) -> Target:
    services, addresses = (name_of(goal) for goal in redirect_goals(host))
    places = state.places or {}
    known = services in places
    port = uri.port or usual_port(transport or "udp")
    # A name without port is written so: with one, SRV records would not count (RFC 3263 4.2).
    place = uri.host if known and not uri.port else host_port(uri.host, port)
    text = f"{uri.scheme}:{uri.user}@{place}" if uri.user else f"{uri.scheme}:{place}"
    if transport not in {"", "udp"} and uri.scheme != "sips":
        text += f";transport={transport}"
    made = Target(
        f"{target.name} -> {place}",
        text,
        uri.host,
        port,
        transport or "udp",
        target.ring_seconds,
        target.progress_seconds,
    )
    if not known:
        return made
    made.tls_name = host
    at: Sequence[Place] = places[services] if not uri.port else ()
    at = [it for it in at if transport in {"", it.transport}]
    if not at:
        at = [Place(made.transport, it.host, port) for it in places.get(addresses, ())]
    return arranged((Way(made, "", True),), Dice(state.seed), frozenset(), {"": at}) or made

"""Gateways as calls see them: which of them lead to a target, and in which order they are tried.

Theory: a target that is dialled by several gateways, or at a name that stands for several
addresses, stays one target with one ring time. When one of its candidates does not work, the next
is tried (RFC 3263 section 4.3); whoever is busy is busy by every one. A candidate whose gateway is
down is left out before the call is sent anywhere.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Final, NamedTuple

from callrouter.route.values.plan import Target
from callrouter.route.values.seeded_random import Dice
from callrouter.serializable import Serializable

_SIP_PORT: Final = 5060
MOST_CANDIDATES: Final = 16
"""Ways to one target that a call tries at most."""


class TransportAddress(NamedTuple):
    """An address where requests go. transport: "udp", "tcp", "tls" or "auto".

    priority, weight: lower priorities come first, among equals the heavier more often (RFC 2782).
    """

    transport: str
    host: str
    port: int
    priority: int = 0
    weight: int = 0


class GatewayAddress(NamedTuple):
    """The address of a gateway. host: an IP address or a DNS name.

    port: 0 when none is written. transport: "" when DNS is to say which (RFC 3263 section 4.1).
    """

    host: str
    port: int
    transport: str


def name_of(goal: GatewayAddress) -> str:
    """Return what a DNS name in a URI is known by among the gateways."""
    return f"host:{goal.host}:{goal.port}:{goal.transport or 'any'}"


def redirect_goals(host: str) -> tuple[GatewayAddress, GatewayAddress]:
    """Return what is looked up of a DNS name that a redirection may name.

    By its services, for a URI without port; and by its addresses alone, for one with any port.
    """
    return GatewayAddress(host, 0, ""), GatewayAddress(host, _SIP_PORT, "")


class Probe(NamedTuple):
    """The probing of a gateway: how often it is asked, and what is made of its silence."""

    every_seconds: float
    timeout_seconds: float
    down_after: int
    up_after: int


class Rest(NamedTuple):
    """The rest of a gateway: after so many calls in a row not taken, it gets none for a while."""

    failures: int
    for_seconds: float


class Gateway(NamedTuple):
    """A gateway, or the DNS name in a target's URI, which is known by that URI.

    named: the goal's host is a DNS name. tls_name: whom its certificate has to name, "" for its
    address. of_uri: it is no gateway but such a name. diversion, history_info, login: as a target
    that is dialled by it has them.
    """

    name: str
    goal: GatewayAddress
    named: bool
    tls_name: str = ""
    probe: Probe | None = None
    rest: Rest | None = None
    of_uri: bool = False
    diversion: bool = False
    history_info: bool = False
    login: str = ""


@dataclass(slots=True, kw_only=True)
class GatewayCandidate(Serializable):
    """One gateway for a target. target: the same for all, as it is rung by this one.

    gateway: what has to be up for it. named: its places are found by a DNS name.
    """

    target: Target
    gateway: str
    named: bool
    priority: int = 0
    weight: int = 1


def by_chance(candidates: Sequence[GatewayCandidate]) -> bool:
    """Say whether the order of the candidates can be another for each call."""
    return any(it.named for it in candidates) or len({it.priority for it in candidates}) < len(
        candidates
    )


def arranged(
    candidates: Sequence[GatewayCandidate],
    dice: Dice,
    down: Set[str],
    places: Mapping[str, Sequence[TransportAddress]] | None,
) -> Target | None:
    """Return the target by its first candidate, the others behind it; None when all are down.

    places: where each named gateway is now, None where names are not looked up at all.
    """
    up = [it for it in candidates if it.gateway not in down]
    found: list[Target] = []
    for index in _drawn([it.priority for it in up], [it.weight for it in up], dice):
        it = up[index]
        if not it.named or places is None:
            found.append(it.target)
            continue
        at = places.get(it.gateway, ())
        order = _drawn([place.priority for place in at], [place.weight for place in at], dice)
        found += [_at(it.target, at[position]) for position in order]
        if len(found) >= MOST_CANDIDATES:
            break
    if not found:
        return None
    first = found[0].copied()
    first.others = tuple(found[1:MOST_CANDIDATES])
    return first


def _at(target: Target, place: TransportAddress) -> Target:
    made = target.copied()
    made.transport = place.transport
    made.host = place.host
    made.port = place.port
    return made


def _drawn(priorities: Sequence[int], weights: Sequence[int], dice: Dice) -> list[int]:
    """Draw an order of positions: by priority, and by weight among equals."""
    drawn: list[int] = []
    for priority in sorted(set(priorities)):
        equal = [index for index, other in enumerate(priorities) if other == priority]
        if len(equal) == 1:
            drawn += equal
        else:
            # Whoever weighs nothing still gets a very small share (RFC 2782): one of a hundred.
            heavy = [100 * weights[index] or 1 for index in equal]
            drawn += [equal[position] for position in dice.order(heavy)]
    return drawn

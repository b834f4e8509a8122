"""The health of gateways: what probes, calls, DNS and operators say of them.

Theory: a gateway has places, each with a standing of its own. A place is down after so many probes
in a row without an answer and up again after so many answers (hysteresis); it rests for a while
after calls that it did not take. A gateway is down while none of its places is up, while DNS has
never known its name, and while it is drained. What decisions read is kept ready for them: `down`,
`why` and `places` change here, between decisions.

Rules: a new dialplan keeps the standing of what stays where it was. Draining is kept over a
restart; all else is found out again.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from callrouter.metric import Rows, counter, gauge
from callrouter.route.values.gateway_candidates import Gateway, GatewayAddress, TransportAddress
from callrouter.state.journal import Journal

UP: Final = "up"
DOWN: Final = "down"
RESTING: Final = "resting"
DRAINED: Final = "drained"
UNKNOWN: Final = "unknown"

_LEAST_REST: Final = 1.0
_MOST_REST: Final = 300.0
"""Seconds of a Retry-After that are honoured."""


@dataclass(slots=True, kw_only=True)
class Standing:
    """The health of one place. silent: it is down by its probes, because of this; "" for up.

    misses, hits: probes in a row. failures: calls in a row that it did not take. rests: until when
    (steady time). tired: why it rests.
    """

    place: TransportAddress
    misses: int = 0
    hits: int = 0
    failures: int = 0
    silent: str = ""
    rests: float = 0.0
    tired: str = ""


@dataclass(slots=True, kw_only=True)
class Watched:
    """One gateway. since: when its state became this one (steady time). known: DNS has answered.

    probed: when it was asked last, 0.0 for never. answered, unanswered: probes so far. taken,
    failed: calls so far.
    """

    gateway: Gateway
    since: float
    standings: dict[str, Standing] = field(default_factory=dict)
    known: bool = field(init=False)
    lookup: str = ""
    state: str = UNKNOWN
    why: str = ""
    probed: float = 0.0
    answered: int = 0
    unanswered: int = 0
    taken: int = 0
    failed: int = 0

    def __post_init__(self) -> None:
        self.known = not self.gateway.named
        if self.known:
            self.state = UP
            host, port, transport = self.gateway.goal
            self.move((TransportAddress(transport, host, port),))

    def move(self, places: Iterable[TransportAddress]) -> None:
        """Be at these places from now on; those that stay keep their standing."""
        before = self.standings
        self.standings = {}
        for place in places:
            standing = before.get(key_of(place)) or Standing(place=place)
            standing.place = place
            self.standings[key_of(place)] = standing


class GatewayChange(NamedTuple):
    """A change of a gateway's state."""

    gateway: str
    state: str
    why: str


class Gateways:
    """All gateways of the dialplan. Not for two threads.

    down: those that get no calls. why: each of these, as verdicts say it. places: where those with
    DNS names are, without the places that are down. changed: told of each change of state.
    """

    def __init__(self, journal: Journal, clock: Callable[[], float]) -> None:
        self.down: set[str] = set()
        self.why: dict[str, str] = {}
        self.places: dict[str, tuple[TransportAddress, ...]] = {}
        self.changed: Callable[[GatewayChange], None] = _nobody
        self._journal = journal
        self._clock = clock
        self._watched: dict[str, Watched] = {}
        self._drained: dict[str, float] = {}

    def serve(self, gateways: Mapping[str, Gateway]) -> None:
        """Watch these, and no others any more."""
        before = self._watched
        self._watched = {}
        for name, gateway in gateways.items():
            watched = before.get(name)
            if watched is None or watched.gateway.goal != gateway.goal:
                watched = Watched(gateway=gateway, since=self._clock())
                # DNS is not asked again for a name that is looked up already.
                for twin in before.values():
                    if gateway.named and twin.known and twin.gateway.goal == gateway.goal:
                        watched.known = True
                        watched.move(standing.place for standing in twin.standings.values())
            watched.gateway = gateway
            for standing in watched.standings.values():
                if gateway.probe is None:
                    standing.silent = ""
                if gateway.rest is None:
                    standing.rests = 0.0
            self._watched[name] = watched
        for name in before.keys() - gateways.keys():
            self.down.discard(name)
            self.why.pop(name, None)
            self.places.pop(name, None)
        for watched in self._watched.values():
            self._settle(watched)

    def all(self) -> list[Watched]:
        """All gateways, and the hosts in URIs that DNS says the place of."""
        return list(self._watched.values())

    def named(self) -> list[Watched]:
        """Those that the dialplan has a name for."""
        return [one for one in self.all() if not one.gateway.of_uri]

    def probes(self) -> list[tuple[Gateway, TransportAddress]]:
        """Who is to be probed, and where: each place by itself."""
        return [
            (watched.gateway, standing.place)
            for watched in self._watched.values()
            if watched.gateway.probe is not None
            for standing in watched.standings.values()
        ]

    def resolved(self, goal: GatewayAddress, places: Iterable[TransportAddress], why: str) -> None:
        """DNS says where a goal is; or it does not, for a reason, and what was known stays."""
        for watched in self._watched.values():
            if watched.gateway.goal == goal and watched.gateway.named:
                watched.lookup = why
                if not why:
                    watched.known = True
                    watched.move(places)
                self._settle(watched)

    def probed(self, name: str, place: TransportAddress, why: str) -> None:
        """A place of a gateway answered a probe ("") or did not, for a reason."""
        watched = self._watched.get(name)
        standing = None if watched is None else watched.standings.get(key_of(place))
        if watched is None or standing is None or watched.gateway.probe is None:
            return
        watched.probed = self._clock()
        if why:
            watched.unanswered += 1
            standing.hits = 0
            standing.misses += 1
            if standing.silent or standing.misses >= watched.gateway.probe.down_after:
                standing.silent = why
        else:
            watched.answered += 1
            standing.misses = 0
            standing.hits += 1
            if standing.hits >= watched.gateway.probe.up_after:
                standing.silent = ""
        self._settle(watched)

    def tried(self, name: str, place: str, why: str, rest_seconds: float) -> None:
        """A gateway took a call ("") or did not. rest_seconds: its Retry-After, 0 for none."""
        watched = self._watched.get(name)
        if watched is None:
            return
        if why:
            watched.failed += 1
        else:
            watched.taken += 1
        standing = watched.standings.get(place)
        rest = watched.gateway.rest
        if standing is None or rest is None:
            return
        if not why:
            standing.failures = 0
            return
        standing.failures += 1
        if rest_seconds:
            seconds = min(max(rest_seconds, _LEAST_REST), _MOST_REST)
        elif standing.failures >= rest.failures:
            seconds = rest.for_seconds
        else:
            return
        # The first call after the rest tells: when it fails too, the next rest begins.
        standing.failures = max(standing.failures, rest.failures) - 1
        standing.rests = max(standing.rests, self._clock() + seconds)
        standing.tired = why
        self._settle(watched)

    def is_drained(self, name: str) -> bool:
        """Whether an operator lets it have no new calls."""
        return name in self._drained

    def drain(self, name: str) -> None:
        """Give a gateway no new calls until it is enabled."""
        self._drained[name] = self._clock()
        self._journal("drain", (name,), (self._drained[name],))
        if name in self._watched:
            self._settle(self._watched[name])

    def enable(self, name: str) -> bool:
        """Give a gateway calls again; False when it was not drained."""
        if self._drained.pop(name, None) is None:
            return False
        self._journal("drain", (name,), None)
        if name in self._watched:
            self._settle(self._watched[name])
        return True

    def restore(self, name: str, since: float) -> None:
        """It was drained when the last process ended."""
        self._drained[name] = since

    def expire(self) -> None:
        """End the rests that are over."""
        now = self._clock()
        for watched in self._watched.values():
            over = [it for it in watched.standings.values() if 0.0 < it.rests <= now]
            for standing in over:
                standing.rests = 0.0
            if over:
                self._settle(watched)

    def _settle(self, watched: Watched) -> None:
        """Bring what decisions read up to date."""
        name = watched.gateway.name
        up = [it for it in watched.standings.values() if not it.silent and not it.rests]
        state, why = self._state(watched, up)
        if watched.gateway.named:
            self.places[name] = tuple(standing.place for standing in up)
        if state == UP:
            self.down.discard(name)
            self.why.pop(name, None)
        else:
            self.down.add(name)
            self.why[name] = f"{_WORDS[state]}: {why}" if why else _WORDS[state]
        if state != watched.state:
            watched.since = self._clock()
        changed = (state, why) != (watched.state, watched.why)
        watched.state = state
        watched.why = why
        if changed:
            self.changed(GatewayChange(name, state, why))

    def _state(self, watched: Watched, up: list[Standing]) -> tuple[str, str]:
        if watched.gateway.name in self._drained:
            return DRAINED, ""
        if not watched.known:
            return UNKNOWN, watched.lookup
        if up:
            return UP, ""
        standings = watched.standings.values()
        silent = next((standing.silent for standing in standings if standing.silent), "")
        if silent:
            return DOWN, silent
        return RESTING, next((standing.tired for standing in standings), "")


_WORDS: Final = {
    DOWN: "is down",
    RESTING: "rests",
    DRAINED: "is drained",
    UNKNOWN: "is not resolved yet",
}


def key_of(place: TransportAddress) -> str:
    """Write a place in one word, as the records of legs have it."""
    host = f"[{place.host}]" if ":" in place.host else place.host
    return f"{place.transport}:{host}:{place.port}"


def _nobody(_change: GatewayChange) -> None:
    """Nobody wants to know."""


def _probes(gateways: Gateways) -> dict[tuple[str, str], int]:
    return {
        (one.gateway.name, result): count
        for one in gateways.named()
        for result, count in (("answered", one.answered), ("unanswered", one.unanswered))
    }


METRICS: Final[Rows[Gateways]] = (
    gauge(
        "callrouter_gateway_up",
        "A gateway has 1 while calls are given to it, else 0; `callrouter gateways` says why.",
        lambda it: {one.gateway.name: one.state == UP for one in it.named()},
        "gateway",
    ),
    counter(
        "callrouter_gateway_probes",
        "Each probe of a gateway counts one, by its result; several unanswered ones in a row take "
        "it out of use.",
        _probes,
        *("gateway", "result"),
    ),
)

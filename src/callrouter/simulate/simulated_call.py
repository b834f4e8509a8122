"""Simulated call: from its INVITE to its record, by the code that serves live calls."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import inf
from typing import Final

from callrouter.call.admission.admitted_calls import Calls
from callrouter.call.admission.protection_space import RequestOrigin
from callrouter.call.services.call_events import CallEvents
from callrouter.call.services.media_services import MediaServices
from callrouter.call.services.record import CallRecord
from callrouter.call.services.shared_state import Block, LineReservation, PortFailures, Shared
from callrouter.register.bindings import Binding, Bindings
from callrouter.route.rules.compiled_dialplan import Dialplan
from callrouter.route.rules.number_rules import Trunk
from callrouter.route.values.external_lookup import Lookup, LookupAnswer, said, said_of_carrier
from callrouter.route.values.facts import Facts
from callrouter.route.values.fraud_guards import Barring, WatchedCall
from callrouter.route.values.plan import AutoBlock, Hold
from callrouter.route.values.snapshot import NOTHING, Override, RunningCost, Snapshot
from callrouter.simulate.caller import SimulatedCaller
from callrouter.simulate.silent_sounds import SilentSounds
from callrouter.simulate.target_script import DEFAULT, Leave, Legs, Press, Script
from callrouter.simulate.virtual_archive import VirtualArchive
from callrouter.simulate.virtual_network import Datagram, Place, Wire
from callrouter.simulate.virtual_workers import VirtualPool
from callrouter.sip.flow import Flow
from callrouter.sip.message import Request
from callrouter.state.extensions_in_memory import PresenceInMemory
from callrouter.state.overrides_in_memory import OverridesInMemory
from callrouter.state.queues_in_memory import QueuesInMemory

# Nobody can have an address of 240.0.0.0/4 (RFC 1112 section 4), so no trunk, gateway or target of
# a dialplan is at these. One network of both families would need two each; SIP does not care.
_ROUTER: Final = ("255.255.255.254", 5060)
_LEGS: Final = ("255.255.255.253", 5060)
_NOWHERE: Final = "255.255.255.251"
"""Where a caller is whose trunk is known by something else than its address."""
_CALLER_PORT: Final = 5060


@dataclass(slots=True, kw_only=True, frozen=True)
class SimulatedCall:
    """A call that was played.

    record: as a live call would leave it; None when the source belongs to no trunk, or the INVITE
    was refused before it was a call. sent: every datagram. caller: where the caller is. legs: the
    target of each B-leg by its Call-ID, in the order dialled.
    """

    record: CallRecord | None
    sent: list[Datagram]
    caller: Place
    legs: dict[str, str]


def play(
    dialplan: Dialplan,
    facts: Facts,
    scripts: Mapping[str, Script],
    cancel_after: float | None = None,
    snapshot: Snapshot = NOTHING,
    owner: str = "",
    carrier: str = "",
    presses: Sequence[Press] = (),
    media: bool = True,
) -> SimulatedCall:
    """Play one call. scripts: by target; who has none does `legs.DEFAULT`.

    owner, carrier: the extension and the carrier that look-ups name, "" for none. facts: source
    must be an address of the trunk the call is to come in on, or "" for a trunk that is known by
    something else. presses: the caller's keys. media: False when no slot of a media worker is free.
    The dialplan gets prompts without sound.
    """
    wire = Wire()
    trunk = dialplan.trunks.get(facts.trunk)
    place = (facts.source or _NOWHERE, _CALLER_PORT)
    pool: VirtualPool | None = None

    def route(goal: Place) -> Place:
        # All targets are at one place, also one that has the caller's address: what tells them
        # apart is the leg. Of all others, callrouter calls its workers alone.
        return goal if pool is not None and goal in pool.places else _LEGS

    stack = wire.stack(_ROUTER, route)
    noted = _Noted(scripts)
    legs = Legs(wire.stack(_LEGS), scripts, noted.dialled)
    sounds = SilentSounds(dialplan)
    dialplan.prompts = sounds.prompts
    if media:
        pool = VirtualPool(wire, stack, sounds.lengths)
    bindings = _registered(dialplan)
    queues = _queues(snapshot, bindings, lambda: facts.at + stack.now)
    queues.start(stack, noted.events)
    queues.serve(dialplan.queues, dialplan.agents)
    if trunk is not None and not facts.source:
        wire.certificates[place] = trunk.tls_peers
    Calls(
        stack=stack,
        dialplan=dialplan,
        events=noted.events,
        limit=1,
        epoch=facts.at,
        shared=_shared(_Frozen(snapshot), bindings, queues),
        directory=_Told(owner, carrier),
        media=MediaServices(pool, VirtualArchive(stack, dialplan)),
        authentication=_Proven(facts),
    )
    flow = Flow("UDP", *place, *_ROUTER, None)
    caller = SimulatedCaller(
        wire.stack(place), flow, facts, cancel_after, presses, noted.busy_until
    )
    if pool is not None:
        pool.on_bridge = caller.listen
    wire.run()
    return SimulatedCall(record=noted.record, sent=wire.sent, caller=place, legs=legs.names)


class _Noted:
    """Keeps the record."""

    def __init__(self, scripts: Mapping[str, Script]) -> None:
        self.record: CallRecord | None = None
        self.events = CallEvents(_raise)
        self.events.started.subscribe(self._started)
        self.events.broken.subscribe(lambda event: _raise(event.error))
        self._scripts = scripts

    def busy_until(self) -> float | None:
        """When the target that is connected has done all that its script says.

        Seconds from the INVITE; None while there is none, or when it is going to hang up.
        """
        legs = [] if self.record is None else self.record.legs
        for leg in legs:
            if leg.result == "answered":
                last = self._scripts.get(leg.target, DEFAULT)[-1]
                return None if isinstance(last, Leave) else leg.started_ms / 1000 + last.after
        return None

    def dialled(self, index: int) -> str:
        """The target of the leg that was dialled at this place in the order."""
        return "" if self.record is None else self.record.legs[index].target

    def _started(self, record: CallRecord) -> None:
        self.record = record


def _raise(error: Exception) -> None:
    """Raise a bug of ours again: here nobody has to be spared from it."""
    raise error


def _queues(snapshot: Snapshot, bindings: Bindings, steady: Callable[[], float]) -> QueuesInMemory:
    """The queues, with nobody in them yet."""
    switched = _presence(snapshot), bindings, _overrides(snapshot)
    return QueuesInMemory(*switched, steady, lambda: steady() + snapshot.ahead)


def _presence(snapshot: Snapshot) -> PresenceInMemory:
    """Who is away, in a state that this call can change for itself."""
    presence = PresenceInMemory(lambda _kind, _key, _value: None)
    for extension, reason in snapshot.away.items():
        presence.restore(extension, reason)
    return presence


def _overrides(snapshot: Snapshot) -> OverridesInMemory:
    """What is switched by hand, as that is while the call lasts."""
    overrides = OverridesInMemory(lambda _kind, _key, _value: None, lambda: 0.0)
    for schedule, override in snapshot.overrides.items():
        overrides.restore(schedule, override)
    return overrides


def _registered(dialplan: Dialplan) -> Bindings:
    """One telephone at each extension that can have any, with the other targets."""
    bindings = Bindings(lambda _kind, _key, _value: None)
    flow = Flow("UDP", *_ROUTER, *_LEGS, None)
    for name in dialplan.access.phones:
        uri = f"sip:{name}@{_LEGS[0]}"
        place = ("UDP", *_ROUTER, *_LEGS)
        bindings.bind(
            name, Binding(key=uri, uri=uri, expires=inf, call_id="", cseq=0, place=place, flow=flow)
        )
    return bindings


class _Frozen:
    """Ports of a state that one call alone cannot change for itself."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def snapshot(self) -> Snapshot:
        return self._snapshot

    def reserve(self, holds: tuple[Hold, ...]) -> LineReservation:
        return LineReservation(holds, _nothing)

    def count(self, names: Iterable[str]) -> dict[str, int]:
        return dict.fromkeys(names, 0)

    def arrived(self, trunk: str, at: float, most: int) -> None:
        pass

    def turned(self, rotation: str) -> None:
        pass

    def attempted(self, number: str, caller: str, at: float, rule: AutoBlock) -> None:
        pass

    def newest(self, now: float) -> tuple[Block, ...]:
        return ()

    def block(self, number: str, caller: str, until: float) -> bool:
        return True

    def unblock(self, number: str, caller: str) -> bool:
        return False

    def tried(self, name: str, place: str, why: str, rest_seconds: float) -> None:
        pass

    def standing(self) -> Mapping[str, Override]:
        return self._snapshot.overrides

    def override(self, schedule: str, open: bool, until: float) -> bool:
        return True

    def end(self, schedule: str) -> bool:
        return schedule in self._snapshot.overrides

    def away(self) -> Mapping[str, str]:
        return self._snapshot.away

    def leave(self, extension: str, reason: str) -> bool:
        return True

    def switched(self) -> Mapping[str, str]:
        return self._snapshot.forwards

    def forward(self, extension: str, when: str, goal: str) -> bool:
        return True

    def unswitch(self, extension: str, when: str) -> bool:
        return f"{extension} {when}" in self._snapshot.forwards

    def began(self, extension: str, call: str, at: float, watched: WatchedCall | None) -> None:
        pass

    def answered(self, extension: str, call: str, at: float, running: RunningCost | None) -> None:
        pass

    def ended(
        self, extension: str, call: str, at: float, watched: WatchedCall | None, cost: Decimal
    ) -> None:
        pass

    def barrings(self) -> Mapping[str, Barring]:
        return self._snapshot.barred

    def lift(self, extension: str) -> bool:
        return extension in self._snapshot.barred

    def showed(self, called: str, caller_id: str, at: float) -> None:
        pass

    def come_back(self, extension: str) -> bool:
        return extension in self._snapshot.away


def _shared(frozen: _Frozen, bindings: Bindings, queues: QueuesInMemory) -> Shared:
    return Shared(
        lines=frozen,
        blocks=frozen,
        presence=frozen,
        forwards=frozen,
        outgoing=frozen,
        rotations=frozen,
        registrations=bindings,
        overrides=frozen,
        gateways=frozen,
        queues=queues,
        snapshot=frozen.snapshot,
        failures=PortFailures(),
    )


def _nothing(_holds: tuple[Hold, ...]) -> None:
    """Nobody else wants a line."""


class _Proven:
    """The caller has proven that it is who it says."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts

    def enter(
        self,
        _request: Request,
        _flow: Flow,
        _known: Trunk | None,
        dialplan: Dialplan,
        _now: float,
        _at: float,
    ) -> RequestOrigin:
        return RequestOrigin(dialplan.trunks[self._facts.trunk], self._facts.extension)

    def told(self, _contact: str) -> bool:
        return False


class _Told:
    """Every look-up names the same extension, or the same carrier, at once."""

    def __init__(self, owner: str, carrier: str) -> None:
        self._owner = said(owner)
        self._carrier = said_of_carrier(carrier)

    def find(self, lookup: Lookup, number: str) -> LookupAnswer:
        return self._carrier if lookup.of_carrier else self._owner

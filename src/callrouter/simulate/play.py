"""One call from its INVITE to its record, by the code that serves live calls."""

from collections.abc import Mapping
from typing import Final

from callrouter.call.calls import Calls
from callrouter.call.record import CallRecord
from callrouter.route.dialplan import Dialplan
from callrouter.route.facts import Facts
from callrouter.route.plan import AutoBlock
from callrouter.route.snapshot import NOTHING, Snapshot
from callrouter.simulate.caller import Caller
from callrouter.simulate.legs import Legs, Script
from callrouter.simulate.wire import Datagram, Place, Wire
from callrouter.sip.flow import Flow

# One network of both families would need two addresses each; SIP does not care.
_ROUTER: Final = ("192.0.2.254", 5060)
_LEGS: Final = ("192.0.2.253", 5060)
_CALLER_PORT: Final = 5060


class Played:
    """A call that was played.

    record: as a live call would leave it; None when the source belongs to no trunk, or the INVITE
    was refused before it was a call. sent: every datagram. caller: where the caller is. legs: the
    target of each B-leg by its Call-ID, in the order dialled.
    """

    __slots__ = ("caller", "legs", "record", "sent")

    def __init__(
        self,
        record: CallRecord | None,
        sent: list[Datagram],
        caller: Place,
        legs: dict[str, str],
    ) -> None:
        self.record = record
        self.sent = sent
        self.caller = caller
        self.legs = legs


def play(
    dialplan: Dialplan,
    facts: Facts,
    scripts: Mapping[str, Script],
    cancel_after: float | None = None,
    snapshot: Snapshot = NOTHING,
) -> Played:
    """Play one call. scripts: by target; who has none does `legs.DEFAULT`.

    facts: source must be an address of the trunk the call is to come in on.
    """
    wire = Wire()
    place = (facts.source, _CALLER_PORT)
    # All targets are at one place: what tells them apart is the leg, not the address.
    stack = wire.stack(_ROUTER, lambda goal: goal if goal == place else _LEGS)
    noted = _Noted()
    legs = Legs(wire.stack(_LEGS), scripts, noted.dialled)
    Calls(stack, dialplan, noted, 1, facts.at, _Frozen(snapshot))
    flow = Flow("UDP", *place, *_ROUTER, None)
    Caller(wire.stack(place), flow, facts, cancel_after)
    wire.run()
    return Played(noted.record, wire.sent, place, legs.names)


class _Noted:
    """Keeps the record. A bug of ours is raised again: here nobody has to be spared from it."""

    def __init__(self) -> None:
        self.record: CallRecord | None = None

    def dialled(self, index: int) -> str:
        """The target of the leg that was dialled at this place in the order."""
        return "" if self.record is None else self.record.legs[index].target

    def call_started(self, record: CallRecord) -> None:
        self.record = record

    def call_ended(self, record: CallRecord) -> None:
        pass

    def call_broken(self, record: CallRecord, error: Exception) -> None:
        raise error


class _Frozen:
    """State that one call alone cannot change for itself."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot

    def take(self, holds: tuple[str, ...]) -> None:
        pass

    def give(self, holds: tuple[str, ...]) -> None:
        pass

    def turned(self, rotation: str) -> None:
        pass

    def attempted(self, number: str, caller: str, at: float, rule: AutoBlock) -> None:
        pass

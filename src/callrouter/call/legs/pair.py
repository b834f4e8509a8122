"""A pair: the two legs of a call that talk to each other end to end."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from callrouter.call.legs.leg import Leg


class Pair:
    """Two legs that talk to each other; a transfer puts another leg in the place of one of them.

    leaving: who has asked for a transfer, and may leave without ending the call. busy: one of both
    is being replaced, and nobody else may do so meanwhile.
    """

    __slots__ = ("busy", "leaving", "one", "two")

    def __init__(self, one: "Leg", two: "Leg") -> None:
        self.one = one
        self.two = two
        self.leaving: Leg | None = None
        self.busy = False

    def has(self, leg: "Leg") -> bool:
        """Say whether it is one of both."""
        return leg is self.one or leg is self.two

    def other(self, leg: "Leg") -> "Leg | None":
        """The one that a leg talks to, None when it is not one of both."""
        if leg is self.one:
            return self.two
        return self.one if leg is self.two else None

    def replace(self, old: "Leg", new: "Leg") -> None:
        """Another leg talks from now on where `old` did."""
        if old is self.one:
            self.one = new
        else:
            self.two = new

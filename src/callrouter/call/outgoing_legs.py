"""The legs of one call that go out by lines: how much of what its extensions may call they take.

Rules. A call that rings nobody outside costs nothing here. A leg that has ended and whose call goes
on, as after a transfer, counts to the end of the call: too much rather than too little.
"""

from callrouter.call.services.shared_state import OutgoingCalls
from callrouter.route.values.plan import Target


class OutgoingLegs:
    """The outgoing legs of a call, by the number of each."""

    __slots__ = ("_call", "_port", "_talking")

    def __init__(self, port: OutgoingCalls, call: str) -> None:
        """call: the id of its record."""
        self._port = port
        self._call = call
        self._talking: tuple[tuple[str, str], ...] = ()

    def rung(self, target: Target, number: int, at: float) -> None:
        """A target is about to be rung."""
        if target.account:
            self._port.began(target.account, f"{self._call}/{number}", at)
        if target.shown_to:
            self._port.showed(target.shown_to, target.caller_id, at)

    def answered(self, target: Target, number: int, at: float) -> None:
        """A target is talked to from now on."""
        if target.account:
            leg = (target.account, f"{self._call}/{number}")
            self._talking += (leg,)
            self._port.answered(*leg, at)

    def over(self, at: float) -> None:
        """The call has ended."""
        for account, leg in self._talking:
            self._port.ended(account, leg, at)
        self._talking = ()

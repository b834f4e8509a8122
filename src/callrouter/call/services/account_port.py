"""The port of accounts: money that is reserved for a call before it is talked away.

Theory. A call that an account pays for has its first block reserved before anything rings, and then
slice after slice, each before the last runs out. What is not granted ends the call with what is
paid. When the call is over, its record pays: what was reserved is free again.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Protocol

from callrouter.call.services.record import CallRecord
from callrouter.pending import Later
from callrouter.route.values.plan import Target

NO_END: Final = -1


class Credit:
    """The answer that money is reserved. until_ms: of the call, up to where it pays, or NO_END.

    reserved: all money that the call has now. packaged: seconds that this answer has reserved, by
    their packages.
    """

    __slots__ = ("packaged", "reserved", "until_ms")

    def __init__(
        self, until_ms: int, reserved: Decimal, packaged: dict[str, int] | None = None
    ) -> None:
        self.until_ms = until_ms
        self.reserved = reserved
        self.packaged = packaged or {}


@dataclass(slots=True, kw_only=True, frozen=True)
class NoCredit:
    """The answer that there is no money. why: for the decision's trace."""

    why: str


class CallAccounts(Protocol):
    """Accounts, as calls have them."""

    def reserve(
        self,
        record: CallRecord,
        until_ms: int,
        reserved: Decimal,
        targets: tuple[Target, ...] = (),
        *,
        first: bool = False,
    ) -> Later[Credit | NoCredit]:
        """Reserve what a call costs up to a moment of it, to the end of the block there.

        reserved: what it has already. targets: those that may be rung, of which the dearest counts.
        first: it is not let in yet.
        """

    def unwanted(self, record: CallRecord, reserved: Decimal, answer: object) -> None:
        """Give back what an answer has reserved that came too late. reserved: as before it."""


class NobodyAsks:
    """No accounts: whoever calls has credit without end, as in a simulation."""

    def reserve(
        self,
        record: CallRecord,
        until_ms: int,
        reserved: Decimal,
        targets: tuple[Target, ...] = (),
        *,
        first: bool = False,
    ) -> Later[Credit | NoCredit]:
        """See `CallAccounts`."""
        return Credit(NO_END, reserved)

    def unwanted(self, record: CallRecord, reserved: Decimal, answer: object) -> None:
        """See `CallAccounts`."""

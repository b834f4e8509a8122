"""Invoices: what an account pays for a calendar month, calls summed by number and kind.

Rules.

- A call belongs to the month in which it was answered, or rang when nobody answered.
- An invoice adds up what was rounded already: its lines are the sum of the charges of its legs.
- A month that is closed stays as it is. What comes to light later, a call whose record was late or
  one that was charged anew, is on the next invoice, in lines that say of which month it is.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

NOTHING: Final = Decimal(0)

INBOUND: Final = "inbound"
UNANSWERED: Final = "unanswered"
FORWARDED: Final = "forwarded"
OUTBOUND: Final = "outbound"
FEE: Final = "fee"
CORRECTION: Final = "correction"
PACKAGE: Final = "package"
PACKAGED: Final = "packaged"
"""The kinds of lines. A package that was bought, and what packages have paid of calls."""


@dataclass(slots=True, kw_only=True, frozen=True)
class InvoiceLine:
    """A line. number: of the dialplan, or the extension that called out, "" for none.

    kind: of the line. what: the plan and the rate of calls, or what a fee is for. count: of calls
    or fees. seconds: billed. month: which it is of when that is an earlier one, "" for this one.
    """

    number: str
    kind: str
    what: str
    count: int
    seconds: int
    amount: Decimal
    month: str = ""


@dataclass(slots=True, kw_only=True, frozen=True)
class Invoice:
    """An invoice. id: `acme-2026-03`. closed: Unix seconds, None for a draft."""

    id: str
    account: str
    month: str
    currency: str
    lines: tuple[InvoiceLine, ...]
    total: Decimal
    closed: float | None = None


@dataclass(slots=True, kw_only=True, frozen=True)
class ChargedLegs:
    """A call as an invoice has it: what its record says. charges: as records have them.

    packaged: seconds that packages paid for. saved: what these would have cost.
    """

    number: str
    extension: str
    outbound: bool
    answered: bool
    charges: list[dict[str, Any]]
    month: str
    packaged: int = 0
    saved: Decimal = NOTHING


@dataclass(slots=True)
class _Sum:
    count: int = 0
    seconds: int = 0
    amount: Decimal = field(default=NOTHING)


class InvoiceLines:
    """The lines of an invoice while they are summed."""

    def __init__(self) -> None:
        self._sums: dict[tuple[str, str, str, str], _Sum] = {}

    def add_call(self, call: ChargedLegs) -> None:
        """Add what the legs of a call cost; what was not billed is not there."""
        for charge in call.charges:
            amount, seconds = Decimal(charge["cost"]), int(charge["seconds"])
            if not (amount or seconds):
                continue
            what = f"{charge['plan']}, {charge['rate']}"
            number = call.number or call.extension
            self._add(call.month, number, _kind(call, charge), what, seconds, amount)
        if call.packaged:
            number = call.number or call.extension
            paid = "paid by packages"
            self._add(call.month, number, PACKAGED, paid, call.packaged, -call.saved)

    def add_fee(self, number: str, what: str, amount: Decimal, month: str = "") -> None:
        """Add a fee."""
        self._add(month, number, FEE, what, 0, amount)

    def add_package(self, name: str, amount: Decimal, month: str = "") -> None:
        """Add a package that was bought."""
        self._add(month, "", PACKAGE, name, 0, amount)

    def add_correction(self, number: str, what: str, amount: Decimal, month: str = "") -> None:
        """Add what a closed month should have had more, or less."""
        self._add(month, number, CORRECTION, what, 0, amount)

    def _add(
        self, month: str, number: str, kind: str, what: str, seconds: int, amount: Decimal
    ) -> None:
        found = self._sums.setdefault((month, number, kind, what), _Sum())
        found.count += 1
        found.seconds += seconds
        found.amount += amount

    def all(self) -> tuple[InvoiceLine, ...]:
        """Return them: of earlier months first, then by number, kind and rate."""
        return tuple(
            InvoiceLine(
                number=number,
                kind=kind,
                what=what,
                count=found.count,
                seconds=found.seconds,
                amount=found.amount,
                month=month,
            )
            for (month, number, kind, what), found in sorted(
                self._sums.items(), key=lambda one: (not one[0][0], one[0])
            )
        )


def total(lines: Iterable[InvoiceLine]) -> Decimal:
    """Return the sum of lines."""
    return sum((line.amount for line in lines), NOTHING)


def _kind(call: ChargedLegs, charge: dict[str, Any]) -> str:
    if charge["leg"] is None:
        return INBOUND if call.answered else UNANSWERED
    return OUTBOUND if call.outbound else FORWARDED

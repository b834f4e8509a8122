"""Fees beside calls: rental by the month, yearly ones, and those that are due once.

Rules.

- A monthly fee is due for each month of which a day lies in its time; whole, from the 1st on. A
  yearly one is due in the month of its first day, each year; any other once, in that month.
- Each is known by its month, so it is booked once, however late.
- What was due in a month before its account was opened is not: nobody opens an account in debt.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final, NamedTuple

from callrouter.billing.months import Month

ONCE: Final = "once"
MONTH: Final = "month"
YEAR: Final = "year"


@dataclass(slots=True, kw_only=True, frozen=True)
class Fee:
    """A fee. what: for people. number: that it is for, "" for none. every: ONCE, MONTH or YEAR.

    begins, ends: the first and the last day of its time; None for no end.
    """

    what: str
    number: str
    amount: Decimal
    every: str
    begins: date
    ends: date | None


class DueFee(NamedTuple):
    """A fee that is due in a month."""

    fee: Fee
    month: Month

    @property
    def name(self) -> str:
        """By what its booking is known, behind the name of its account."""
        return f"{self.month} {self.fee.number or '-'} {self.fee.what}"


def due_fees(fees: Iterable[Fee], opened: Month, until: Month) -> Iterator[DueFee]:
    """Give all that has been due since an account was opened, up to a month and with it."""
    for fee in fees:
        month = Month(fee.begins.year, fee.begins.month)
        while month <= until and (fee.ends is None or month.first <= fee.ends):
            if month >= opened and (fee.every != YEAR or month.month == fee.begins.month):
                yield DueFee(fee, month)
            if fee.every == ONCE:
                break
            month = month.next

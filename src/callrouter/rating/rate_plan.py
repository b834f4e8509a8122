"""Rate plans: prices by destination, by time of day and by how long a call has lasted.

Theory: a rate is what calls to some destinations cost. Its prices are those of a period, which is
told by the schedule that is open (or closed) when a block begins; without one they are the rate's
own. Within a period prices may change with the time since the first block began (first minute
dearer).

Rule: of a plan's rates that one counts whose prefix is the longest that the number begins with; of
those with the same prefix, the one of the number's kind before the one for all kinds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import Final

import phonenumbers
from phonenumbers import PhoneNumberType

from callrouter.billing.account_rules import AccountTerms
from callrouter.route.values.opening_hours import Schedule

MINUTE: Final = 60

_KIND_NAMES: Final = {
    PhoneNumberType.FIXED_LINE: "fixed",
    PhoneNumberType.MOBILE: "mobile",
    PhoneNumberType.FIXED_LINE_OR_MOBILE: "fixed_or_mobile",
    PhoneNumberType.TOLL_FREE: "toll_free",
    PhoneNumberType.PREMIUM_RATE: "premium",
    PhoneNumberType.SHARED_COST: "shared_cost",
    PhoneNumberType.VOIP: "voip",
    PhoneNumberType.PERSONAL_NUMBER: "personal",
    PhoneNumberType.PAGER: "pager",
    PhoneNumberType.UAN: "company",
    PhoneNumberType.VOICEMAIL: "voicemail",
}
SHORT: Final = "short"
"""The kind of what is no telephone number."""
KINDS: Final = (*_KIND_NAMES.values(), SHORT)
"""Kinds of numbers, as the metadata of numbering plans tells them."""


@dataclass(slots=True, kw_only=True, frozen=True)
class Price:
    """The price of time. amount: for so many seconds as `per` says, 1 or 60."""

    amount: Decimal
    per: int

    def __str__(self) -> str:
        return f"{self.amount:f}/{'min' if self.per == MINUTE else 's'}"


def read_price(text: str) -> Price:
    """Read a price as `str` writes it."""
    amount, _, per = text.partition("/")
    return Price(amount=Decimal(amount), per=MINUTE if per == "min" else 1)


@dataclass(slots=True, kw_only=True, frozen=True)
class PriceStep:
    """A price that holds from so many seconds after the first block began."""

    after: int
    price: Price


@dataclass(slots=True, kw_only=True, frozen=True)
class PricePeriod:
    """Prices while a schedule is open, or closed. steps: ascending, the first of them after 0 s."""

    schedule: Schedule
    open: bool
    steps: tuple[PriceStep, ...]

    @property
    def name(self) -> str:
        """As people say it: `night`, `not night`."""
        return self.schedule.name if self.open else f"not {self.schedule.name}"


@dataclass(slots=True, kw_only=True, frozen=True)
class Rate:
    """What calls to some destinations cost.

    name: its prefix and kind, for people. first, step: seconds of the first block and of each that
    follows. fee: once for a call. free: seconds at the beginning of a call that are not charged.
    steps: prices outside of all periods, as in a period. periods: the first that applies counts.
    """

    name: str
    first: int
    step: int
    fee: Decimal
    free: int
    steps: tuple[PriceStep, ...]
    periods: tuple[PricePeriod, ...]


@dataclass(slots=True, kw_only=True, frozen=True)
class RatePlan:
    """A rate plan by name. currency: ISO 4217. decimals: those that a leg's cost is rounded to.

    base: the rate of numbers that none of rates is for. rates: by prefix (+86755 of numbers in
    E.164, 95 of short numbers, "" of all), then by kind, "" for all of them. unanswered: what
    ringing costs that nobody answered, None for nothing. forwarded: the plan of legs to forwarding
    targets, in the same currency.
    """

    name: str
    currency: str
    decimals: int
    base: Rate
    rates: Mapping[str, Mapping[str, Rate]]
    unanswered: Rate | None
    forwarded: "RatePlan | None"
    _lengths: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        lengths = sorted({len(prefix) for prefix in self.rates}, reverse=True)
        object.__setattr__(self, "_lengths", tuple(lengths))

    def rate_of(self, number: str) -> Rate:
        """Find the rate of a number: in E.164, or as dialled when it is no telephone number."""
        for length in self._lengths:
            by_kind = self.rates.get(number[:length])
            if by_kind is None:
                continue
            found = by_kind.get("")
            if found is None or len(by_kind) > 1:
                found = by_kind.get(kind_of(number), found)
            if found is not None:
                return found
        return self.base


@dataclass(slots=True, kw_only=True, frozen=True)
class RatePlans:
    """The rate plans of one file. country, timezone: how its numbers and hours are read.

    accounts: who pays, by name.
    """

    file: str
    country: str
    timezone: str
    plans: Mapping[str, RatePlan]
    accounts: Mapping[str, AccountTerms] = field(default_factory=dict)

    def of_leg(self, own: str, of_number: str, *, by_gateway: bool) -> RatePlan | None:
        """Return the plan that an outgoing leg is charged by, None for none.

        own: that of its target, "" for none. of_number: that of the number, whose `forwarded` is
        for what is dialled by a gateway.
        """
        if own:
            return self.plans.get(own)
        number = self.plans.get(of_number)
        return number.forwarded if number is not None and by_gateway else None


@lru_cache(maxsize=16384)
def kind_of(number: str) -> str:
    """Return the kind of a number in E.164 or as dialled, one of KINDS; "" when it is not known."""
    if number[:1] != "+":
        return SHORT if number else ""
    try:
        read = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return ""
    return _KIND_NAMES.get(phonenumbers.number_type(read), "")

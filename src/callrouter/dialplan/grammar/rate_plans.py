"""The grammar of rate plans: a file of them, beside the dialplan."""

import itertools
import re
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, NamedTuple, Self

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from callrouter.billing.account_rules import PREPAID
from callrouter.dialplan.grammar import field_types as fields
from callrouter.dialplan.grammar.call_screening import Prefix
from callrouter.dialplan.grammar.names import PlanName
from callrouter.dialplan.grammar.schedules import Date, ScheduleEntry, Timezone, When
from callrouter.dialplan.grammar.voicemail_boxes import MailEntry
from callrouter.rating.rate_plan import KINDS, MINUTE, Price
from callrouter.yamlfile.mistakes import StrictModel
from callrouter.yamlfile.wording import shown, suggestion

AMOUNT_TEXT: Final = r"[0-9]{1,12}(\.[0-9]{1,8})?"
_AMOUNT: Final = re.compile(AMOUNT_TEXT)
_PRICE: Final = re.compile(rf"({AMOUNT_TEXT})/(min|s)")
# What people write for one: 0.30, 0,30/min, "0.30 / minute", "0.30 per second".
_LOOSE_PRICE: Final = re.compile(
    r"([0-9]{1,12})(?:[.,]([0-9]{1,8}))?(?:\s*(?:/|per|a)\s*(m|mins?|minutes?|s|secs?|seconds?))?"
)
_BLOCKS: Final = re.compile(r"([0-9]{1,4})\s*/\s*([0-9]{1,4})")
_LONGEST_BLOCK: Final = 3600
_LONGEST_FREE: Final = 3600
_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_DECIMALS: Final = {"CNY": 4, "USD": 4, "VND": 0}
"""Decimals of a leg's cost, where the plan does not say it."""
_MOST_DECIMALS: Final = 8
_NOTICE: Final = Decimal(35)
_SUSPEND: Final = Decimal(15)
_DAY: Final = 86400
_RECLAIM: Final = 3 * _DAY
_LATEST_RECLAIM: Final = 366 * _DAY


class BillingBlocks(NamedTuple):
    """Seconds of the first block, and of each that follows."""

    first: int
    step: int


def _amount(value: object) -> Decimal:
    wanted = 'an amount such as "0.50"'
    if isinstance(value, float):
        raise ValueError(f"expected {wanted}; write it in quotes, with a point")
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    return Decimal(fields.matched(text, _AMOUNT, wanted))


def _price(value: object) -> Price:
    found = _PRICE.fullmatch(value) if isinstance(value, str) else None
    if found is not None:
        return Price(amount=Decimal(found[1]), per=MINUTE if found[3] == "min" else 1)
    hint = ""
    loose = _LOOSE_PRICE.fullmatch(str(value).strip().lower())
    if loose is not None:
        amount = f"{loose[1]}.{loose[2]}" if loose[2] else loose[1]
        units = [{"m": "min", "s": "s"}[loose[3][0]]] if loose[3] else ["min", "s"]
        hint = f": write {' or '.join(f'{amount}/{unit}' for unit in units)}"
    raise ValueError(f"expected a price such as 0.30/min or 1/s, found {shown(value)}{hint}")


def _blocks(value: object) -> BillingBlocks:
    found = _BLOCKS.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(
            f"expected the seconds of the first block and of those that follow, such as 60/60 or "
            f"30/6, found {shown(value)}"
        )
    blocks = BillingBlocks(int(found[1]), int(found[2]))
    if not all(1 <= seconds <= _LONGEST_BLOCK for seconds in blocks):
        raise ValueError(f"expected blocks of 1 to {_LONGEST_BLOCK} seconds, found {shown(value)}")
    return blocks


def _currency(value: object) -> str:
    hint = ""
    if isinstance(value, str) and _CURRENCY.fullmatch(value.upper()) and value != value.upper():
        hint = f": write {value.upper()}"
    if not isinstance(value, str) or _CURRENCY.fullmatch(value) is None:
        raise ValueError(f"expected a currency such as CNY, found {shown(value)}{hint}")
    return value


def _kind(value: object) -> str:
    if value not in KINDS:
        hint = suggestion(value, KINDS) or f"; expected one of {', '.join(KINDS)}"
        raise ValueError(f"no kind of numbers is named {shown(value)}{hint}")
    return str(value)


def _whole_seconds(low: int, high: int) -> Any:
    """The kind of a time in whole seconds, to annotate an int with."""

    def read(value: object) -> int:
        length = fields.seconds(value, low, high)
        if not length.is_integer():
            raise ValueError(f"expected whole seconds, found {shown(value)}")
        return int(length)

    return BeforeValidator(
        read, json_schema_input_type=Annotated[str, fields.text(fields.DURATION_TEXT)]
    )


def _reclaim(value: object) -> float:
    if isinstance(value, str) and re.fullmatch(fields.DAYS_TEXT, value):
        length = float(int(value[:-1]) * _DAY)
        if 0 < length <= _LATEST_RECLAIM:
            return length
        raise ValueError(f"expected 1d to 366d, found {shown(value)}")
    return fields.seconds(value, 1, _LATEST_RECLAIM)


Amount = Annotated[
    Decimal,
    BeforeValidator(_amount),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": f"^{AMOUNT_TEXT}$"},
                {"type": "integer", "minimum": 0},
            ]
        }
    ),
]
PriceText = Annotated[Price, BeforeValidator(_price), fields.text(f"^{AMOUNT_TEXT}/(min|s)$")]
BlocksText = Annotated[
    BillingBlocks, BeforeValidator(_blocks), fields.text(r"^[0-9]{1,4}\s*/\s*[0-9]{1,4}$")
]
Currency = Annotated[str, BeforeValidator(_currency), fields.text("^[A-Z]{3}$")]
Reclaim = Annotated[
    float,
    BeforeValidator(
        _reclaim,
        json_schema_input_type=Annotated[
            str, fields.text(f"{fields.DURATION_TEXT}|{fields.DAYS_TEXT}")
        ],
    ),
]
Kind = Annotated[
    str, BeforeValidator(_kind), WithJsonSchema({"type": "string", "enum": list(KINDS)})
]
Decimals = Annotated[
    int,
    BeforeValidator(lambda value: fields.whole(value, 0, _MOST_DECIMALS, "decimals")),
    fields.between(0, _MOST_DECIMALS),
]
Free = Annotated[int, _whole_seconds(0, _LONGEST_FREE)]
After = Annotated[int, _whole_seconds(1, fields.LONGEST_CALL_EVER)]


class PriceStepEntry(StrictModel):
    """A price from some time of the call on. A block has the price that holds when it begins."""

    after: After = Field(
        description="How long after the first block began, in whole seconds.", examples=["60s"]
    )
    price: PriceText = Field(description="The price from there on.", examples=["0.20/min"])


class PricesEntry(StrictModel):
    """What time costs."""

    price: PriceText = Field(
        description="The price of a minute or a second: `0.30/min`, `0.005/s`.",
        examples=["0.30/min"],
    )
    steps: list[PriceStepEntry] = Field(
        default=[],
        description="Other prices later in the call, such as after a dearer first minute.",
        examples=[[{"after": "60s", "price": "0.20/min"}]],
    )

    @model_validator(mode="after")
    def _ascends(self) -> Self:
        for one, other in itertools.pairwise(self.steps):
            if one.after >= other.after:
                raise ValueError(f"expected 'steps' that ascend: {other.after}s is not the later")
        return self


class PricePeriodEntry(PricesEntry):
    """Prices by the time of day. A block has whole the prices of the time when it begins."""

    when: When = Field(
        description="The schedule that is to be open, or closed.",
        examples=[{"schedule": "night"}, {"schedule": "office", "is": "closed"}],
    )


class RateEntry(PricesEntry):
    """What calls to some numbers cost, in place of the plan's own prices."""

    prefixes: list[Prefix] = Field(
        default=[],
        description="First digits of these numbers, with `+` or the national prefix in front; of "
        "short numbers where `kinds` is `[short]`. The longest that a number begins with counts.",
        examples=[["+1", "0755"]],
    )
    kinds: list[Kind] = Field(
        default=[],
        description="Kinds of these numbers: `fixed`, `mobile`, `fixed_or_mobile` (where digits do "
        "not tell them apart, as in +1), `toll_free`, `premium`, `shared_cost`, `voip`, "
        "`personal`, `pager`, `company`, `voicemail`, `short`. When left out: all.",
        examples=[["mobile"]],
    )
    blocks: BlocksText | None = Field(
        default=None,
        description="Blocks of such calls. When left out: those of the plan.",
        examples=["60/60"],
    )
    fee: Amount | None = Field(
        default=None,
        description="For each call of which time is charged. When left out: that of the plan.",
        examples=["0.50"],
    )
    free: Free | None = Field(
        default=None,
        description="Time at the beginning that is not charged. When left out: as the plan says.",
        examples=["3s"],
    )
    periods: list[PricePeriodEntry] = Field(
        default=[],
        description="Its prices by the time of day; the first that applies counts. Those of the "
        "plan are not for it.",
        examples=[[{"when": {"schedule": "night"}, "price": "0.10/min"}]],
    )

    @model_validator(mode="after")
    def _names_numbers(self) -> Self:
        if not self.prefixes and not self.kinds:
            raise ValueError("expected 'prefixes', 'kinds' or both")
        return self


class UnansweredEntry(StrictModel):
    """What a call costs that nobody answers: its ringing is charged."""

    price: PriceText = Field(description="The price of ringing.", examples=["0.10/min"])
    blocks: BlocksText | None = Field(
        default=None,
        description="Blocks of such calls. When left out: those of the plan.",
        examples=["60/60"],
    )
    fee: Amount = Field(
        default=Decimal(0),
        description="For each call that rang. When left out: nothing.",
        examples=["0.50"],
    )


class RatePlanEntry(PricesEntry):
    """A rate plan. Its own prices are for all numbers that none of its `rates` is for."""

    currency: Currency = Field(description="The currency, by ISO 4217.", examples=["CNY"])
    decimals: Decimals | None = Field(
        default=None,
        description="Decimals that the cost of a leg is rounded to, half up and once. When left "
        "out: 0 of VND, 4 of CNY and USD; it is needed with all others.",
        examples=[2],
    )
    blocks: BlocksText = Field(
        description="Seconds that are charged at least, and in which the time after them is "
        "counted: `60/60` by the minute, `1/1` by the second.",
        examples=["30/6"],
    )
    fee: Amount = Field(
        default=Decimal(0),
        description="For each call of which time is charged. When left out: nothing.",
        examples=["0.50"],
    )
    free: Free | None = Field(
        default=None,
        description="Time at the beginning of each call that is not charged, in whole seconds. "
        "When left out: none.",
        examples=["3s"],
    )
    periods: list[PricePeriodEntry] = Field(
        default=[],
        description="Prices by the time of day; the first that applies counts.",
        examples=[[{"when": {"schedule": "night"}, "price": "0.10/min"}]],
    )
    rates: list[RateEntry] = Field(
        default=[],
        description="Prices of calls to some numbers.",
        examples=[[{"prefixes": ["+1"], "price": "0.80/min"}]],
    )
    unanswered: UnansweredEntry | None = Field(
        default=None,
        description="What calls cost that nobody answers. When left out: nothing.",
        examples=[{"price": "0.10/min"}],
    )
    forwarded: PlanName | None = Field(
        default=None,
        description="The plan by which a leg to a forwarding target is charged beside the inbound "
        "leg. When left out: it costs nothing.",
        examples=["outbound"],
    )

    @model_validator(mode="after")
    def _has_decimals(self) -> Self:
        if self.decimals is None and self.currency not in _DECIMALS:
            known = ", ".join(_DECIMALS)
            raise ValueError(
                f"expected 'decimals': of {self.currency} they are not known as of {known}"
            )
        return self

    @property
    def places(self) -> int:
        """The decimals that a leg's cost is rounded to."""
        return _DECIMALS[self.currency] if self.decimals is None else self.decimals


class FeeEntry(StrictModel):
    """A fee beside calls: a rental, a yearly fee, or one that is due once."""

    what: fields.Label = Field(description="What it is for.", examples=["rental"])
    number: fields.Name | None = Field(
        default=None, description="The number that it is for.", examples=["4008001234"]
    )
    amount: Amount = Field(description="How much, in the account's currency.", examples=[100])
    every: Literal["once", "month", "year"] = Field(
        default="once",
        description="How often: a monthly fee is due on the 1st, whole; a yearly one in the month "
        "of `from`.",
        examples=["month"],
    )
    from_: Date = Field(
        alias="from", description="The first day of its time.", examples=["2026-03-01"]
    )
    until: Date | None = Field(
        default=None,
        description="The last day of its time. When left out: it has no end.",
        examples=["2027-02-28"],
    )

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.until is not None and self.until < self.from_:
            raise ValueError(f"expected 'until' not before {self.from_}, found {self.until}")
        return self


class AccountMailEntry(MailEntry):
    """Mails what becomes of an account to its owner. Tried again for three days."""


class AdministratorMailEntry(MailEntry):
    """Mails what becomes of numbers to the administrator. Tried again for three days."""


class AccountEntry(StrictModel):
    """Who pays for calls. How much there is of it, and the ledger, are in the database."""

    kind: Literal["prepaid", "postpaid"] = Field(
        description="`prepaid`: calls last as long as its balance does. `postpaid`: they are "
        "invoiced, and last as long as its `credit_limit` does.",
        examples=["prepaid"],
    )
    currency: Currency = Field(
        description="The currency, that of the rate plans of its calls.", examples=["CNY"]
    )
    credit_limit: Amount | None = Field(
        default=None,
        description="How far a postpaid balance may go below zero. When left out: any far.",
        examples=[1000],
    )
    notice: Amount | None = Field(
        default=None,
        description="The owner is told when balance and credit limit fall below this. When left "
        "out: 35 of a prepaid account, never of a postpaid one.",
        examples=[35],
    )
    suspend: Amount | None = Field(
        default=None,
        description="New calls are refused when balance and credit limit are below this. When "
        "left out: 15 of a prepaid account, never of a postpaid one.",
        examples=[15],
    )
    reclaim: Reclaim = Field(
        default=float(_RECLAIM),
        description="How long after its suspension an account is reclaimed, `1s` to `366d`.",
        examples=["3d"],
    )
    without_database: Literal["go_on", "cut"] = Field(
        default="go_on",
        description="What calls do while the database cannot say whether there is money: `go_on`, "
        "and owe what they cost, or `cut`: none begins, and one in progress ends with what is "
        "reserved for it.",
        examples=["cut"],
    )
    mail: AccountMailEntry | None = Field(
        default=None,
        description="Who is mailed of notices, suspension, reclaim and their end.",
        examples=[
            {"to": "owner@example.com", "from": "billing@example.com", "server": "mail.example.com"}
        ],
    )
    fees: list[FeeEntry] = Field(
        default=[],
        description="What it pays beside calls.",
        examples=[[{"what": "rental", "amount": 100, "every": "month", "from": "2026-03-01"}]],
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.kind == PREPAID and self.credit_limit is not None:
            raise ValueError("expected 'credit_limit' only of a postpaid account")
        if self.low[0] is not None and self.low[1] is not None and self.low[0] < self.low[1]:
            raise ValueError(
                f"expected 'notice' not below 'suspend', found {self.low[0]} and {self.low[1]}"
            )
        return self

    @property
    def low(self) -> tuple[Decimal | None, Decimal | None]:
        """The thresholds of the notice and of the suspension."""
        if self.kind == PREPAID:
            notice = _NOTICE if self.notice is None else self.notice
            return notice, _SUSPEND if self.suspend is None else self.suspend
        return self.notice, self.suspend


class RatePlanFile(StrictModel):
    """A file of rate plans. The key `plans` tells it from a dialplan."""

    country: fields.Country = Field(description="How national numbers are read.", examples=["CN"])
    timezone: Timezone | None = Field(
        default=None,
        description="The time zone its hours are in. When left out: UTC.",
        examples=["Asia/Shanghai"],
    )
    schedules: dict[fields.Name, ScheduleEntry] = Field(
        default={},
        description="Hours with prices of their own, by name, as in a dialplan.",
        examples=[{"night": {"open": ["22:00-06:00"], "holidays": "CN"}}],
    )
    plans: dict[fields.Name, RatePlanEntry] = Field(
        description="Rate plans, by name.",
        examples=[{"local": {"currency": "CNY", "blocks": "60/60", "price": "0.15/min"}}],
    )
    accounts: dict[fields.Name, AccountEntry] = Field(
        default={},
        description="Who pays for calls, by name.",
        examples=[{"acme": {"kind": "prepaid", "currency": "CNY"}}],
    )
    administrator: AdministratorMailEntry | None = Field(
        default=None,
        description="Who is mailed when a number is being disconnected.",
        examples=[
            {"to": "ops@example.com", "from": "billing@example.com", "server": "mail.example.com"}
        ],
    )

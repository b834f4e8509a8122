"""The grammar of calls to outside: lines, permissions, limits of all, owners who are called."""

import re
from decimal import Decimal
from typing import Annotated, Final, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from callrouter.dialplan.grammar import field_types as fields
from callrouter.dialplan.grammar.media_options import Record
from callrouter.dialplan.grammar.names import (
    AccountName,
    GatewayOrGroup,
    LineName,
    ListName,
    LookupName,
    PermissionName,
    PromptName,
    RatePlanName,
)
from callrouter.dialplan.grammar.rate_plans import AMOUNT_TEXT
from callrouter.route.values.fraud_guards import LONGEST_WITHIN
from callrouter.yamlfile.mistakes import StrictModel

_PREFIX: Final = re.compile(r"[0-9*#]{1,16}")
_SPEND: Final = re.compile(AMOUNT_TEXT)
_EMERGENCY: Final = re.compile(r"[0-9]{2,6}")
_MOST: Final = 100_000


def _prefix(value: object) -> str:
    wanted = 'what is dialled in front of a number, such as "*123*", "#123#" or "801"'
    return fields.matched(value, _PREFIX, f"{wanted}, in quotes")


def _emergency(value: object) -> str:
    return fields.matched(value, _EMERGENCY, 'an emergency number such as "110", in quotes')


def _amount(value: object) -> int:
    return fields.whole(value, 1, _MOST, "a count")


def _spend(value: object) -> Decimal:
    wanted = 'an amount above 0 such as "20" or "20.50", in quotes'
    amount = Decimal(fields.matched(value, _SPEND, wanted))
    if not amount:
        raise ValueError(f"expected {wanted}, found '{value}'")
    return amount


Spend = Annotated[Decimal, BeforeValidator(_spend), fields.text(f"^{AMOUNT_TEXT}$")]
Prefix = Annotated[str, BeforeValidator(_prefix), fields.text("^[0-9*#]{1,16}$")]
EmergencyNumber = Annotated[str, BeforeValidator(_emergency), fields.text("^[0-9]{2,6}$")]
Amount = Annotated[int, BeforeValidator(_amount), fields.between(1, _MOST)]


class LineEntry(StrictModel):
    """An outgoing line: a gateway, and the number that is shown of who calls by it."""

    via: GatewayOrGroup = Field(
        description="The gateway, or group of gateways, that its calls go out by.",
        examples=["carrier_a"],
    )
    prefixes: list[Prefix] = Field(
        default=[],
        description="What is dialled in front of a number to go by this line; it is not sent on. "
        "No country code, no `0` or `00`, nothing that begins an emergency number or another "
        "prefix, no extension.",
        examples=[["*123*", "#123#", "801"]],
    )
    caller_id: fields.Dial | None = Field(
        default=None,
        description="The number that is shown: in From, and in P-Asserted-Identity where the "
        "gateway is `trusted`. When left out: what the telephone calls itself.",
        examples=["+862012345678"],
    )
    rate_plan: RatePlanName | None = Field(
        default=None,
        description="The rate plan that calls by it are charged by. When left out: they cost "
        "nothing.",
        examples=["outbound"],
    )


class PermissionEntry(StrictModel):
    """What those extensions may call outside that have this permission."""

    lines: list[LineName] | None = Field(
        default=None,
        min_length=1,
        description="The lines that they may use. When left out: all.",
        examples=[["main"]],
    )
    international: list[fields.Country] | Literal["all"] = Field(
        default=[],
        description="The countries that they may call beside that of the dialplan; `all` for any. "
        "When left out: none.",
        examples=[["VN", "HK"]],
    )
    kinds: list[Literal["premium", "satellite", "shared_cost"]] = Field(
        default=[],
        description="Kinds of numbers that are barred unless they stand here.",
        examples=[["shared_cost"]],
    )
    deny: list[ListName] = Field(
        default=[],
        description="Lists of numbers that they may not call.",
        examples=[["competitors"]],
    )
    caller_ids: dict[fields.Dial, fields.Label] = Field(
        default={},
        description="Numbers of ours that may be shown, each with the carrier that it is with. The "
        "called party sees one of its own carrier, in turn, and the same one for a day; else the "
        "`caller_id` of the extension or the line; else any of these. When left out: only that "
        "`caller_id`.",
        examples=[{"+862012345678": "China Telecom", "+8613800138000": "China Mobile"}],
    )
    record: Record | None = Field(
        default=None,
        description="Record the answered calls of these extensions to outside; `true` is the usual "
        "way. Both parties hear `notice` when the call is answered. A `quota` is that of each "
        "extension. Emergency calls are not recorded.",
        examples=[{"keep": "90d"}],
    )
    supervise: bool = Field(
        default=False,
        description="`true`: they may hear conversations of other extensions, by a feature code.",
        examples=[True],
    )
    calls_per_hour: Amount | None = Field(
        default=None,
        description="Calls by lines that each extension may begin in an hour.",
        examples=[60],
    )
    minutes_per_hour: Amount | None = Field(
        default=None,
        description="Minutes that each extension may talk by lines in an hour; one that is reached "
        "ends no call, but lets none begin.",
        examples=[120],
    )
    spend_per_hour: Spend | None = Field(
        default=None,
        description="What calls by lines of each extension may cost in an hour, by the rate plans "
        "of the lines and in their currency; those that go on count up to now. "
        "Once it is reached no call begins.",
        examples=["20"],
    )
    spend_per_day: Spend | None = Field(
        default=None,
        description="The same for 24 hours.",
        examples=["100.00"],
    )
    international_calls: Amount = Field(
        default=2,
        description="Calls abroad that each extension may have at the same time.",
        examples=[2],
    )
    longest_international: fields.LongestCall = Field(
        default=3600.0,
        description="How long a call abroad may last from its answer on: 1s to 168h.",
        examples=["60m"],
    )


class NewCountryEntry(StrictModel):
    """The first call to a country abroad: an event, and a line of the log."""

    of: Literal["company", "extension"] = Field(
        default="company",
        description="Whose first call counts: that of `company`, of any extension, or of each "
        "`extension`.",
        examples=["extension"],
    )
    bar: bool = Field(
        default=False,
        description="`true`: the call goes on, and the extension makes no other one abroad, or to "
        "a kind that is barred otherwise, until `callrouter barrings lift`.",
        examples=[True],
    )


class ShortCallsEntry(StrictModel):
    """Many short calls to numbers that differ in their last four digits alone.

    Only calls abroad count, and those to premium, satellite and shared-cost numbers.
    """

    calls: fields.Calls = Field(
        default=10,
        description="So many answered calls of one extension are an event: 2 to 1000.",
        examples=[5],
    )
    shorter_than: Annotated[float, fields.duration(1, 600)] = Field(
        default=15.0,
        description="How long a call is too long to count: 1s to 10m.",
        examples=["10s"],
    )
    within: Annotated[float, fields.duration(60, LONGEST_WITHIN)] = Field(
        default=3600.0, description="In which time: 1m to 24h.", examples=["30m"]
    )
    bar: bool = Field(
        default=False,
        description="`true`: the extension makes no such call until `callrouter barrings lift`.",
        examples=[True],
    )


class GuardsEntry(StrictModel):
    """Guards against fraud."""

    new_country: NewCountryEntry | None = Field(
        default=None,
        description="Tell of first calls to a country.",
        examples=[{"of": "extension", "bar": True}],
    )
    short_calls: ShortCallsEntry | None = Field(
        default=None,
        description="Tell of many short calls to one range of numbers.",
        examples=[{"calls": 5, "within": "30m", "bar": True}],
    )

    @model_validator(mode="after")
    def _named_and_on(self) -> Self:
        empty = [name for name in self.model_fields_set if getattr(self, name) is None]
        if empty:
            raise ValueError(f"'{min(empty)}' is empty: expected {{}} for a guard as it is usual")
        return self


class OutboundEntry(StrictModel):
    """Calls of extensions to outside. Trunks never call out."""

    default: LineName | None = Field(
        default=None,
        description="The line of numbers that are dialled without a prefix. When left out: they "
        "are unknown.",
        examples=["main"],
    )
    emergency: list[LineName] = Field(
        min_length=1,
        description="The lines of emergency calls, tried one after the other, then the others that "
        "the call might go by. These calls pass whatever is permitted or limited.",
        examples=[["main"]],
    )
    emergency_numbers: list[EmergencyNumber] = Field(
        default=[],
        description="Emergency numbers beside those of the country, which are known.",
        examples=[["12110"]],
    )
    ported: dict[fields.Label, ListName] = Field(
        default={},
        description="Lists of numbers that were ported to a carrier, by the carrier: what their "
        "first digits say is no longer so. For `caller_ids`.",
        examples=[{"China Telecom": "competitors"}],
    )
    carrier_lookup: LookupName | None = Field(
        default=None,
        description="The look-up, with `{called}` in its `url`, that is asked for the carrier of "
        "who is called, before `ported` and the first digits. For `caller_ids`.",
        examples=["portability"],
    )
    permission: PermissionName | None = Field(
        default=None,
        description="The permission of extensions that have none of their own. When left out: they "
        "call nobody outside.",
        examples=["staff"],
    )
    calls_per_hour: Amount | None = Field(
        default=None,
        description="Calls by lines that all extensions together may begin in an hour.",
        examples=[600],
    )
    minutes_per_hour: Amount | None = Field(
        default=None,
        description="Minutes that all extensions together may talk by lines in an hour.",
        examples=[1200],
    )
    spend_per_hour: Spend | None = Field(
        default=None,
        description="What calls by lines of all extensions together may cost in an hour, by the "
        "rate plans of the lines and in their currency; those that go on count up to now. "
        "Once it is reached no call begins.",
        examples=["20"],
    )
    spend_per_day: Spend | None = Field(
        default=None,
        description="The same for 24 hours.",
        examples=["100.00"],
    )
    guards: GuardsEntry | None = Field(
        default=None,
        description="What calls abroad look like that somebody makes with a stolen password.",
        examples=[{"new_country": {"of": "extension"}, "short_calls": {"calls": 10, "bar": True}}],
    )
    international_calls: Amount | None = Field(
        default=None,
        description="Calls abroad that all extensions together may have at the same time.",
        examples=[10],
    )


class BalanceCallEntry(StrictModel):
    """Who is called, and hears a prompt, when the balance of an account falls below its notice."""

    account: AccountName = Field(description="Whose balance.", examples=["acme"])
    number: fields.Dial = Field(
        description="Who is called, as the gateway dials it.", examples=["13800138000"]
    )
    via: GatewayOrGroup = Field(
        description="The gateway, or group of gateways, that the call goes out by.",
        examples=["carrier_a"],
    )
    caller_id: fields.Dial = Field(
        description="The number of ours that is shown.", examples=["+862012345678"]
    )
    prompt: PromptName = Field(description="What is played, twice.", examples=["balance-is-low"])

"""The grammar of a dialplan file: each key, what it means and an example.

The reference in docs/dialplan.md is generated from here, and so are the error messages' lists of
keys. Names that one key uses and another defines are checked by the compiler.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from callrouter.dialplan import fields
from callrouter.dialplan.entry import Entry
from callrouter.dialplan.fields import Country, Name
from callrouter.dialplan.hours import Schedule, Timezone, When
from callrouter.dialplan.hunts import Group, HuntOptions, Rings, Rung, Step
from callrouter.dialplan.screens import (
    Areas,
    AutoBlock,
    Countries,
    NumberList,
    NumberReasons,
    Reason,
    Reasons,
)

__all__ = [
    "Areas",
    "AutoBlock",
    "Countries",
    "DialplanFile",
    "Entry",
    "Extension",
    "Gateway",
    "Group",
    "HuntOptions",
    "Number",
    "NumberList",
    "NumberReasons",
    "Reason",
    "Reasons",
    "Rung",
    "Schedule",
    "Step",
    "Target",
    "Trunk",
    "When",
]


class Trunk(Entry):
    """Where calls come from: a carrier, told by the addresses it sends from."""

    addresses: list[fields.Network] = Field(
        min_length=1,
        description="Addresses and networks it sends from. Where trunks overlap, the smaller "
        "network wins.",
        examples=[["203.0.113.0/24", "2001:db8::/32"]],
    )
    called: Literal["request_uri", "to"] = Field(
        default="request_uri",
        description="Where the called number stands: in the Request-URI or in the To: header.",
        examples=["to"],
    )
    country: Country | None = Field(
        default=None,
        description="How this trunk writes national numbers, when not as the dialplan does.",
        examples=["VN"],
    )
    lines: fields.Lines | None = Field(
        default=None, description="Calls it may have at the same time.", examples=[100]
    )


class Gateway(Entry):
    """Where calls to telephone numbers go out."""

    address: fields.SipAddress = Field(
        description="IP address, and port when it is not 5060.", examples=["192.0.2.1:5080"]
    )
    transport: Literal["udp", "tcp"] = Field(
        default="udp", description="How to send to it.", examples=["tcp"]
    )


class Target(Entry):
    """One place to ring: a number by way of a gateway, or a SIP URI."""

    number: fields.Dial | None = Field(
        default=None,
        description="Number to dial, as the gateway wants it.",
        examples=["07561234567"],
    )
    via: Name | None = Field(
        default=None, description="The gateway that `number` is dialled by.", examples=["carrier_a"]
    )
    uri: fields.Uri | None = Field(
        default=None,
        description="SIP URI to ring, with an IP address as its host.",
        examples=["sip:desk@192.0.2.9:5060;transport=tcp"],
    )
    ring: fields.Ring | None = Field(
        default=None,
        description="How long this target rings, wherever it is used: 1s to 300s.",
        examples=["25s"],
    )

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.number is None) == (self.uri is None):
            raise ValueError("expected either 'number' with 'via', or 'uri'")
        if (self.number is None) != (self.via is None):
            raise ValueError("expected 'number' and 'via' together")
        return self


class Extension(Entry):
    """An employee, whom the To: header of a call can name."""

    targets: list[Name] = Field(
        min_length=1, description="What rings, in this order.", examples=[["desk", "mobile"]]
    )
    name: fields.Label | None = Field(default=None, description="Who it is.", examples=["Ms Li"])
    lines: fields.Lines | None = Field(
        default=None, description="Calls they may have at the same time.", examples=[1]
    )


Backup = Annotated[list[Rings], Field(min_length=1)]


class Number(Entry):
    """What happens to calls for a number. Callers are looked at first, then lines, then steps."""

    name: fields.Label | None = Field(
        default=None, description="What it is for.", examples=["Head office"]
    )
    suspended: bool = Field(
        default=False, description="`true`: it takes no calls.", examples=[True]
    )
    allow: list[Name] | None = Field(
        default=None,
        description="Lists whose callers pass every list of `block`, here and for all numbers, "
        "and are never blocked automatically.",
        examples=[["partners"]],
    )
    block: list[Name] | None = Field(
        default=None, description="Lists whose callers are refused.", examples=[["nuisance"]]
    )
    areas: Areas | None = Field(
        default=None,
        description="From which areas it may be called.",
        examples=[{"allow": ["Guangdong", "0756"]}],
    )
    countries: Countries | None = Field(
        default=None,
        description="From which countries it may be called.",
        examples=[{"allow": ["CN"], "except": ["partners"]}],
    )
    auto_block: AutoBlock | None = Field(
        default=None,
        description="Block callers who call it too often. When left out: that of the dialplan.",
        examples=[{"calls": 3, "within": "10s", "for": "20s"}],
    )
    lines: fields.Lines | None = Field(
        default=None, description="Calls it may have at the same time.", examples=[10]
    )
    overflow: list[Step] | None = Field(
        default=None,
        min_length=1,
        description="Steps for calls beyond `lines`, instead of the refusal.",
        examples=[[{"hunt": ["mobile"]}]],
    )
    to_header: Literal["extensions"] | None = Field(
        default=None,
        description="`extensions`: the extension that the To: header names (its user, or "
        "`;ext=`) rings first; not answered, the route follows.",
        examples=["extensions"],
    )
    route: list[Step] = Field(
        min_length=1,
        description="Steps, taken one after the other until somebody answers.",
        examples=[[{"hunt": ["reception"]}]],
    )
    backup: Backup | None = Field(
        default=None,
        description="Rings when every gateway of the route is down. When left out: that of the "
        "dialplan.",
        examples=[["mobile"]],
    )
    reasons: NumberReasons | None = Field(
        default=None,
        description="Refusals of this number; what is left out is as for all numbers.",
        examples=[{"blocked_caller": {"status": 603}}],
    )


class DialplanFile(Entry):
    """A dialplan file."""

    country: Country = Field(description="How national numbers are read.", examples=["CN"])
    timezone: Timezone | None = Field(
        default=None,
        description="The time zone its hours are in. When left out: UTC.",
        examples=["Asia/Shanghai"],
    )
    trunks: dict[Name, Trunk] = Field(
        description="Where calls come from, by name.",
        examples=[{"carrier": {"addresses": ["203.0.113.0/24"]}}],
    )
    gateways: dict[Name, Gateway] = Field(
        default={},
        description="Where calls to telephone numbers go out, by name.",
        examples=[{"carrier_a": {"address": "192.0.2.1:5060"}}],
    )
    targets: dict[Name, Target] = Field(
        default={},
        description="What can ring, by name.",
        examples=[{"reception": {"number": "07561234567", "via": "carrier_a"}}],
    )
    extensions: dict[Name, Extension] = Field(
        default={},
        description="Employees, by extension.",
        examples=[{"101": {"targets": ["desk"]}}],
    )
    groups: dict[Name, Group] = Field(
        default={},
        description="Hunts that several numbers share, by name.",
        examples=[{"sales": {"hunt": ["reception", "desk"], "ring": "15s"}}],
    )
    schedules: dict[Name, Schedule] = Field(
        default={},
        description="Opening hours, by name.",
        examples=[{"office": {"open": ["Mon-Fri 08:30-17:30"], "holidays": "CN"}}],
    )
    lists: dict[Name, NumberList] = Field(
        default={},
        description="Lists of callers, by name.",
        examples=[{"nuisance": {"prefixes": ["0898"]}}],
    )
    allow: list[Name] = Field(
        default=[],
        description="Lists whose callers pass every list of `block`, whatever number they call, "
        "and are never blocked automatically.",
        examples=[["partners"]],
    )
    block: list[Name] = Field(
        default=[],
        description="Lists whose callers are refused, whatever number they call.",
        examples=[["nuisance"]],
    )
    auto_block: AutoBlock | None = Field(
        default=None,
        description="Block callers who call one number too often, whichever it is.",
        examples=[{"calls": 5, "within": "1m", "for": "1h"}],
    )
    backup: Backup | None = Field(
        default=None,
        description="Rings when every gateway of a route is down.",
        examples=[["mobile"]],
    )
    numbers: dict[fields.NumberKey, Number] = Field(
        description="What is called: a number (`4000`), a prefix (`0756*`) or a pattern (`4xxx`, "
        "x is any digit).",
        examples=[{"4000": {"route": [{"hunt": ["reception"]}]}}],
    )
    reasons: Reasons = Field(
        default=Reasons(),
        description="Refusals that are not to be answered in the usual way.",
        examples=[{"unknown_number": {"status": 404, "cause": 1}}],
    )

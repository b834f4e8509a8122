"""The grammar of a dialplan file: each key, what it means and an example.

The reference in docs/dialplan.md is generated from here, and so are the error messages' lists of
keys. Names that one key uses and another defines are checked by the compiler.
"""

import functools
import zoneinfo
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    model_validator,
)

from callrouter.dialplan import fields
from callrouter.dialplan.fields import Country, Name
from callrouter.dialplan.wording import shown, suggestion


class Entry(BaseModel):
    """What all mappings have in common: no unknown keys, no silent conversions."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


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


class HuntOptions(Entry):
    """How a hunt goes from target to target."""

    ring: fields.Ring | None = Field(
        default=None,
        description="How long each target rings that has no time of its own: 1s to 300s. "
        "When left out: 15s, or 55s for the only target of a route.",
        examples=["15s"],
    )
    progress: fields.Progress = Field(
        default=5.0,
        description="A target from which nothing has come by then is given up: 100ms to 300s.",
        examples=["5s"],
    )
    total: fields.Total | None = Field(
        default=None,
        description="Limit for all targets together: 1s to 3600s. When left out: none.",
        examples=["60s"],
    )
    stop_on: list[fields.Status] | None = Field(
        default=None,
        description="SIP answers of a target that end the call at once and are passed on. "
        "When left out: 603, 604, 606, 607 and 608.",
        examples=[[486, 603]],
    )
    redirects: Literal["follow", "next"] = Field(
        default="next",
        description="A target that answers 3xx: follow it (at most 5 times, and only to hosts of "
        "this dialplan), or go on to the next target.",
        examples=["follow"],
    )
    final: fields.Status | None = Field(
        default=None,
        description="SIP answer to the caller when nobody is left. When left out: what the last "
        "target answered.",
        examples=[480],
    )


class Group(HuntOptions):
    """A hunt with a name, for several numbers to use."""

    hunt: list[Name] = Field(
        min_length=1, description="Targets, in this order.", examples=[["reception", "desk"]]
    )


def _hunt_kind(value: object) -> str | None:
    if isinstance(value, list):
        return "list"
    return "name" if isinstance(value, str) else None


class Step(HuntOptions):
    """One step of a number's route."""

    hunt: Annotated[
        Annotated[list[Name], Field(min_length=1), Tag("list")] | Annotated[Name, Tag("name")],
        Discriminator(
            _hunt_kind,
            custom_error_type="hunt_kind",
            custom_error_message="expected a list of targets such as [reception, desk], "
            "or the name of a group",
        ),
    ] = Field(
        description="Targets in order, or the name of a group, which brings its own options.",
        examples=[["reception", "desk"]],
    )


class Number(Entry):
    """What happens to calls for a number."""

    name: fields.Label | None = Field(
        default=None, description="What it is for.", examples=["Head office"]
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


class Reason(Entry):
    """How a refusal is answered."""

    status: fields.Status = Field(description="SIP status.", examples=[404])
    cause: fields.Cause | None = Field(
        default=None,
        description="Q.850 cause. When left out: the one that belongs to the status.",
        examples=[1],
    )


class Reasons(Entry):
    """Refusals that are not to be answered in the usual way."""

    unknown_number: Reason = Field(
        default=Reason(status=404, cause=1),
        description="No number of the dialplan matches. When left out: 404 and cause 1.",
        examples=[{"status": 404, "cause": 1}],
    )
    no_target_left: Reason | None = Field(
        default=None,
        description="Nobody answered and the route has no `final`. When left out: what the last "
        "target answered.",
        examples=[{"status": 480, "cause": 19}],
    )


@functools.cache
def _timezones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


def _timezone(value: object) -> str:
    known = _timezones()
    if isinstance(value, str) and value in known:
        return value
    hint = suggestion(value, known)
    raise ValueError(f"expected a time zone such as Asia/Shanghai, found {shown(value)}{hint}")


class DialplanFile(Entry):
    """A dialplan file."""

    country: Country = Field(description="How national numbers are read.", examples=["CN"])
    timezone: Annotated[str, BeforeValidator(_timezone)] | None = Field(
        default=None, description="The time zone its hours are in.", examples=["Asia/Shanghai"]
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

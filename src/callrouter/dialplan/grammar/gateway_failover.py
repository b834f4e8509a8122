"""The grammar of what keeps gateways in service: probes, rests, and groups of gateways."""

from typing import Annotated

from pydantic import BeforeValidator, Field

from callrouter.dialplan.grammar import field_types as fields
from callrouter.dialplan.grammar.names import Gateway
from callrouter.yamlfile.mistakes import StrictModel


def _count(value: object) -> int:
    return fields.whole(value, 1, 100, "a count")


def _priority(value: object) -> int:
    return fields.whole(value, 0, 65535, "a priority")


def _weight(value: object) -> int:
    return fields.whole(value, 0, 65535, "a weight")


_Count = Annotated[int, BeforeValidator(_count), fields.between(1, 100)]
_Every = Annotated[float, fields.duration(1, 3600)]
_Timeout = Annotated[float, fields.duration(0.1, 30)]
_RestFor = Annotated[float, fields.duration(1, 3600)]
_Priority = Annotated[int, BeforeValidator(_priority), fields.between(0, 65535)]
_Weight = Annotated[int, BeforeValidator(_weight), fields.between(0, 65535)]


class ProbeEntry(StrictModel):
    """A gateway is asked by OPTIONS whether it is there; any final answer but 503 and 408 will do.

    Each address of a DNS name is asked. While none of them is up, calls skip the gateway.
    """

    every: _Every = Field(
        default=10.0, description="From one OPTIONS to the next: 1s to 3600s.", examples=["30s"]
    )
    timeout: _Timeout = Field(
        default=2.0, description="How long an answer may take: 100ms to 30s.", examples=["1s"]
    )
    down_after: _Count = Field(
        default=3,
        description="It is down after so many in a row that were not answered; 3 when left out.",
        examples=[2],
    )
    up_after: _Count = Field(
        default=2,
        description="It is up again after so many answers in a row; 2 when left out.",
        examples=[1],
    )


class RestEntry(StrictModel):
    """A gateway that does not take calls gets none for a while.

    A call counts that it answered with 503 or 408, or not at all, or that could not be sent. When
    a 503 names a time in Retry-After, it rests at once and for that long, 1s to 300s.
    """

    failures: _Count = Field(
        default=3, description="So many calls in a row that failed; 3 when left out.", examples=[5]
    )
    for_: _RestFor = Field(
        default=30.0, alias="for", description="How long it rests: 1s to 3600s.", examples=["1m"]
    )


class MemberEntry(StrictModel):
    """A gateway in a group."""

    name: Gateway = Field(description="The gateway.", examples=["carrier_a"])
    priority: _Priority = Field(
        default=1,
        description="Those with the lowest are tried first, the next when none of them works.",
        examples=[2],
    )
    weight: _Weight = Field(
        default=1, description="Its share of the calls among those of one priority.", examples=[10]
    )


class GatewayGroup(StrictModel):
    """Gateways that stand in for each other.

    A call that one cannot take goes to the next at once, within the ring time of its target: after
    a 503, no response within `progress`, or when nothing can be sent there.
    """

    gateways: list[MemberEntry] = Field(
        min_length=1,
        max_length=16,
        description="The gateways.",
        examples=[[{"name": "carrier_a", "priority": 1}, {"name": "carrier_b", "priority": 2}]],
    )

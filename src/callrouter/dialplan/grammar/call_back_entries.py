"""The grammar of call-backs: who calls back whom nobody has answered, how often, and when."""

from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, Field

from callrouter.dialplan.grammar import field_types as fields
from callrouter.dialplan.grammar.names import (
    CallBackName,
    GatewayOrGroup,
    PromptName,
    QueueName,
    ScheduleName,
    Short,
)
from callrouter.yamlfile.mistakes import StrictModel

_MOST: Final = 20


def _attempts(value: object) -> int:
    return fields.whole(value, 1, _MOST, "a count of attempts")


class CallBackEntry(StrictModel):
    """How callers are called back: an agent of a queue is rung first, and then the caller."""

    queue: QueueName = Field(
        description="The queue whose agents call back. Whoever is to be called back has a place in "
        "it, by the time of the missed call.",
        examples=["support"],
    )
    via: GatewayOrGroup | None = Field(
        default=None,
        description="The gateway, or group of gateways, that these calls go out by. When left out: "
        "that of the default line of `outbound`. The number that was called is shown.",
        examples=["carrier_a"],
    )
    attempts: Annotated[int, BeforeValidator(_attempts), fields.between(1, _MOST)] = Field(
        default=3,
        description="How often it is tried: 1 to 20. One in which no agent answers counts, too.",
        examples=[2],
    )
    delay: Annotated[float, fields.duration(1, 86400)] = Field(
        default=300.0,
        description="From the end of one attempt to the next: 1s to 24h. The first begins as soon "
        "as an agent is free.",
        examples=["3s"],
    )
    within: Annotated[float, fields.duration(60, 604800)] = Field(
        default=86400.0,
        description="So long after the missed call no attempt begins any more: 1m to 168h.",
        examples=["8h"],
    )
    schedule: ScheduleName | None = Field(
        default=None,
        description="When it may be called back. When left out: at any time.",
        examples=["office"],
    )
    countries: list[fields.Country] = Field(
        default=[],
        description="The countries beside that of the dialplan whose numbers are called back. "
        "Premium, satellite and shared-cost numbers never are.",
        examples=[["VN", "HK"]],
    )


class CallBackStepEntry(StrictModel):
    """The promise of a call-back, and the end of the call. The rule's name can stand for all."""

    name: CallBackName = Field(description="How the caller is called back.", examples=["support"])
    prompt: PromptName | Literal[False] = Field(
        default="goodbye",
        description="Said before we hang up; `false`: nothing.",
        examples=["we-call-you"],
    )


def _promised(value: object) -> object:
    return {"name": value} if isinstance(value, str) else value


CallBackStep = Annotated[
    CallBackStepEntry,
    BeforeValidator(_promised, json_schema_input_type=fields.NAMED | CallBackStepEntry),
    Short("name"),
]

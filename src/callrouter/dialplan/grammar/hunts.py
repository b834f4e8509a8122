"""The grammar of hunts: options, groups and the steps of a route."""

import re
from typing import Annotated, Final, Literal, NamedTuple, Self

from pydantic import BeforeValidator, Discriminator, Field, Tag, WithJsonSchema, model_validator

from callrouter.dialplan.grammar import field_types as fields
from callrouter.dialplan.grammar.call_back_entries import CallBackStep
from callrouter.dialplan.grammar.media_options import ConfirmWith, FeatureEntry, Greet, Prompts
from callrouter.dialplan.grammar.names import RUNG, BoxName, GroupName, MenuName, QueueName, Short
from callrouter.dialplan.grammar.schedules import When
from callrouter.yamlfile.mistakes import StrictModel
from callrouter.yamlfile.wording import shown

_HEAVIEST = 1000
_HIGHEST = 100
_SKILL: Final = re.compile(r"[A-Za-z0-9_-]{1,40}")
ACTS = ("hunt", "play", "menu", "queue", "voicemail", "call_back", "messages", "feature")
"""What a step can do."""


class Rung(NamedTuple):
    """One name in a hunt: a target or a group. weight: for the strategy `weighted`."""

    name: str
    weight: int


def _rung(value: object) -> Rung:
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise ValueError(
            f"expected the name of a target or a group, found the number {value}; a name of digits "
            "stands in quotes"
        )
    if not isinstance(value, dict):
        return Rung(fields.name(value), 1)
    if set(value) != {"name", "weight"}:
        raise ValueError(
            f"expected a name, or a name and its weight such as {{name: desk, weight: 3}}, "
            f"found the keys {', '.join(shown(key) for key in list(value)[:4])}"
        )
    return Rung(fields.name(value["name"]), fields.whole(value["weight"], 1, _HEAVIEST, "a weight"))


_WEIGHTED: Final = WithJsonSchema(
    {
        "type": "object",
        "properties": {
            "name": {"type": "string", "pattern": fields.NAME_TEXT},
            "weight": {"type": "integer", "minimum": 1, "maximum": _HEAVIEST},
        },
        "required": ["name", "weight"],
        "additionalProperties": False,
    }
)
Rings = Annotated[
    Rung,
    BeforeValidator(_rung, json_schema_input_type=fields.NAMED | Annotated[Rung, _WEIGHTED]),
    RUNG,
]


class HuntOptions(StrictModel):
    """How a hunt goes from target to target."""

    strategy: Literal[
        "sequential", "parallel", "staggered", "round_robin", "random", "weighted"
    ] = Field(
        default="sequential",
        description="`sequential`: one after the other. `parallel`: all together. `staggered`: "
        "one more each `every`. `round_robin`: one after the other, each call beginning one "
        "later. `random`: in an order drawn by lot. `weighted`: as random, the heavier names "
        "more often first.",
        examples=["parallel"],
    )
    every: fields.Progress | None = Field(
        default=None,
        description="From one name to the next when staggered: 100ms to 300s.",
        examples=["2s"],
    )
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

    hunt: list[Rings] = Field(
        min_length=1,
        description="Targets, and groups, which bring their own `strategy`, `every`, `ring` and "
        "`progress`; a name can have a weight.",
        examples=[["reception", {"name": "desk", "weight": 3}]],
    )


def _queue(value: object) -> object:
    return {"name": value} if isinstance(value, str) else value


def _priority(value: object) -> int:
    return fields.whole(value, 0, _HIGHEST, "a priority")


def _skill(value: object) -> str:
    return fields.matched(value, _SKILL, "a skill of 1 to 40 letters, digits, - and _")


Skill = Annotated[str, BeforeValidator(_skill), fields.text("^[A-Za-z0-9_-]{1,40}$")]


class QueueStepEntry(StrictModel):
    """The wait in a queue. The name of the queue can stand for all of it."""

    name: QueueName = Field(description="The queue.", examples=["support"])
    priority: Annotated[int, BeforeValidator(_priority), fields.between(0, _HIGHEST)] = Field(
        default=0,
        description="Callers with a higher one are before all others, however long these wait: "
        "0 to 100.",
        examples=[5],
    )
    skills: list[Skill] = Field(
        default=[],
        max_length=10,
        description="What an agent must have to be offered this caller.",
        examples=[["vietnamese"]],
    )


QueueStep = Annotated[
    QueueStepEntry,
    BeforeValidator(_queue, json_schema_input_type=fields.NAMED | QueueStepEntry),
    Short("name"),
]


def _hunt_kind(value: object) -> str | None:
    if isinstance(value, list):
        return "list"
    return "name" if isinstance(value, str) else None


class StepEntry(HuntOptions):
    """One step of a route: hunt, play, menu, queue, voicemail, call_back, messages or feature."""

    hunt: (
        Annotated[
            Annotated[list[Rings], Field(min_length=1), Tag("list")]
            | Annotated[GroupName, Tag("name")],
            Discriminator(
                _hunt_kind,
                custom_error_type="hunt_kind",
                custom_error_message="expected a list of targets such as [reception, desk], "
                "or the name of a group",
            ),
        ]
        | None
    ) = Field(
        default=None,
        description="Targets and groups as in a group, or the name of one group, which brings "
        "all its options.",
        examples=[["reception", "desk"]],
    )
    greet: Greet | None = Field(
        default=None,
        description="Prompts that the caller hears meanwhile.",
        examples=["welcome", {"prompts": "melody", "repeat": True}],
    )
    confirm: ConfirmWith | None = Field(
        default=None,
        description="Who answers has to press a key before the caller is connected, so that no "
        "mobile's mailbox takes the call.",
        examples=["1"],
    )
    play: Prompts | None = Field(
        default=None,
        description="Prompts to play. The call is answered first, unless `answer` is `false`.",
        examples=["closed"],
    )
    answer: bool = Field(
        default=True,
        description="`false`: what is played is early media, which the caller does not pay.",
        examples=[False],
    )
    menu: MenuName | None = Field(
        default=None, description="The menu to go through.", examples=["main"]
    )
    queue: QueueStep | None = Field(
        default=None,
        description="The queue to wait in for an agent. When it is full, or the wait too long, the "
        "next step follows; the last step answers as `reasons` has it for `queue_full`, and hangs "
        "up for `queue_timeout`.",
        examples=["support", {"name": "support", "priority": 5}],
    )
    voicemail: BoxName | None = Field(
        default=None, description="The box to take a message for.", examples=["sales"]
    )
    call_back: CallBackStep | None = Field(
        default=None,
        description="The caller is told that it is called back, and hung up on.",
        examples=["support"],
    )
    messages: BoxName | None = Field(
        default=None,
        description="The box whose messages the caller can hear, after its PIN.",
        examples=["sales"],
    )
    feature: FeatureEntry | None = Field(
        default=None,
        description="What dialling this number switches.",
        examples=[{"presence": "away"}, {"schedule": "office", "to": "closed"}],
    )
    when: When | None = Field(
        default=None,
        description="Only when a schedule is open, or closed.",
        examples=[{"schedule": "office"}],
    )
    on: list[Literal["busy", "no_answer", "unreachable", "rejected"]] | None = Field(
        default=None,
        min_length=1,
        description="Only when the last target before this step was so. When left out: always.",
        examples=[["busy", "no_answer"]],
    )

    @model_validator(mode="after")
    def _one_act(self) -> Self:
        acts = [name for name in ACTS if getattr(self, name) is not None]
        empty = [name for name in ACTS if name in self.model_fields_set]
        if not acts and empty:
            raise ValueError(f"'{empty[0]}' is empty")
        if len(acts) != 1:
            found = " and ".join(f"'{name}'" for name in acts) or "none"
            raise ValueError(f"expected one of {', '.join(ACTS)}, found {found}")
        return self

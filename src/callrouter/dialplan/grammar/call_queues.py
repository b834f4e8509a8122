"""The grammar of call queues: who waits how long for which agents, and what is heard meanwhile."""

from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field

from callrouter.dialplan.grammar import field_types as fields
from callrouter.dialplan.grammar.hunts import Skill
from callrouter.dialplan.grammar.media_options import Key, Prompts
from callrouter.dialplan.grammar.menus import Chosen
from callrouter.dialplan.grammar.names import Extension, MusicName, Short
from callrouter.yamlfile.mistakes import StrictModel

_MOST_AGENTS: Final = 1000
_LONGEST_QUEUE: Final = 10_000
_MOST_MISSED: Final = 100
_HEAVIEST: Final = 1000

Pause = Annotated[float, fields.duration(1, 3600)]


def _agent(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool):
        raise ValueError(
            f"expected an extension, found the number {value}; a name of digits stands in quotes"
        )
    return {"extension": value} if isinstance(value, str) else value


def _whole(high: int, what: str) -> Any:
    return BeforeValidator(lambda value: fields.whole(value, 1, high, what))


class QueueAgentEntry(StrictModel):
    """An agent of a queue. The extension can stand for all of it."""

    extension: Extension = Field(
        description="The extension that is rung. While it is away (`callrouter presence`), on a "
        "call, or has no telephone registered, it is offered nothing.",
        examples=["301"],
    )
    skills: list[Skill] = Field(
        default=[],
        max_length=100,
        description="What callers who ask for it can have from this agent.",
        examples=[["vietnamese", "billing"]],
    )


QueueAgents = Annotated[
    list[
        Annotated[
            QueueAgentEntry,
            BeforeValidator(_agent, json_schema_input_type=fields.NAMED | QueueAgentEntry),
            Short("extension"),
        ]
    ],
    Field(min_length=1, max_length=_MOST_AGENTS),
]


class AnnounceEntry(StrictModel):
    """What who waits is told: when the wait begins, and then again and again."""

    every: Annotated[float, fields.duration(5, 3600)] = Field(
        default=30.0, description="From one announcement to the next: 5s to 1h.", examples=["30s"]
    )
    prompts: Prompts | None = Field(
        default=None, description="What is said first.", examples=["please-wait"]
    )
    position: bool = Field(
        default=False, description="`true`: say the caller's place, from 1 on.", examples=[True]
    )
    wait: bool = Field(
        default=False,
        description="`true`: say the expected wait in minutes, once enough callers have left the "
        "queue to know it by.",
        examples=[True],
    )


class QueueEntry(StrictModel):
    """A call queue. Its callers are answered, and wait with music until an agent is free."""

    agents: QueueAgents = Field(
        description="Its agents; an extension can be in several queues.",
        examples=[["301", {"extension": "302", "skills": ["billing"]}]],
    )
    strategy: Literal["longest_idle", "ring_all", "round_robin", "skills"] = Field(
        default="longest_idle",
        description="Who of the free agents rings. `longest_idle`: whose last call ended first. "
        "`ring_all`: all together. `round_robin`: the one after who was rung last. `skills`: who "
        "has the fewest skills that will do, so that the others stay free.",
        examples=["ring_all"],
    )
    ring: fields.Ring = Field(
        default=15.0,
        description="How long an agent rings before the next does: 1s to 300s.",
        examples=["5s"],
    )
    wrap_up: Annotated[float, fields.duration(0, 3600)] = Field(
        default=0.0,
        description="From the end of an agent's part in a call of this queue until any queue "
        "rings it again: 0s to 1h.",
        examples=["30s"],
    )
    max_wait: Annotated[float, fields.duration(1, 86400)] | None = Field(
        default=None,
        description="Who has waited so long goes on with the next step. When left out: no limit.",
        examples=["5m"],
    )
    max_length: (
        Annotated[
            int, _whole(_LONGEST_QUEUE, "a count of callers"), fields.between(1, _LONGEST_QUEUE)
        ]
        | None
    ) = Field(
        default=None,
        description="While so many wait, who comes goes on with the next step, not answered yet. "
        "When left out: no limit.",
        examples=[20],
    )
    after_no_answer: Pause = Field(
        default=5.0,
        description="How long an agent rests that did not answer, or was not reached: 1s to 1h.",
        examples=["10s"],
    )
    after_busy: Pause = Field(
        default=10.0,
        description="How long one rests whose telephone said busy: 1s to 1h.",
        examples=["30s"],
    )
    after_reject: Pause = Field(
        default=10.0,
        description="How long one rests that rejected the call, or answered and hung up at once: "
        "1s to 1h.",
        examples=["30s"],
    )
    away_after: (
        Annotated[int, _whole(_MOST_MISSED, "a count of calls"), fields.between(1, _MOST_MISSED)]
        | None
    ) = Field(
        default=None,
        description="After so many missed calls in a row an agent is away until it comes back. "
        "When left out: never.",
        examples=[3],
    )
    weight: Annotated[int, _whole(_HEAVIEST, "a weight"), fields.between(1, _HEAVIEST)] = Field(
        default=1,
        description="Of callers of several queues who have waited for the same time, who is in "
        "the heaviest is first.",
        examples=[10],
    )
    service_level: Annotated[float, fields.duration(1, 3600)] = Field(
        default=20.0,
        description="What the service level counts as answered in time.",
        examples=["30s"],
    )
    music: MusicName | None = Field(
        default=None,
        description="What who waits hears. When left out: ringback.",
        examples=["piano"],
    )
    announce: AnnounceEntry | None = Field(
        default=None,
        description="What interrupts the music. When left out: nothing.",
        examples=[{"every": "30s", "position": True}],
    )
    keys: dict[Key, Chosen] = Field(
        default={},
        description="What who waits can press, and where that leads: the name of a target or "
        "group, or a step as in a route. The place is kept for a minute, for a step that leads "
        "back.",
        examples=[{"1": {"voicemail": "sales"}}],
    )

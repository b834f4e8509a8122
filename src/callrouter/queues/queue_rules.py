"""Call queues as the dialplan has them: agents, strategy, and the times of waiting."""

from dataclasses import dataclass, field
from typing import Final

from callrouter.serializable import Serializable

RING_ALL: Final = "ring_all"
LONGEST_IDLE: Final = "longest_idle"
ROUND_ROBIN: Final = "round_robin"
SKILLS: Final = "skills"

_UNSKILLED: Final[frozenset[str]] = frozenset()


@dataclass(slots=True, kw_only=True)
class QueueAgent(Serializable):
    """An agent of one queue. name: its extension. skills: what callers may ask for."""

    name: str
    skills: frozenset[str] = _UNSKILLED


@dataclass(slots=True, kw_only=True)
class RetryDelays(Serializable):
    """How long an agent is offered nothing after an offer that came to nothing, in seconds.

    no_answer: also after its telephone could not be reached.
    """

    no_answer: float = 5.0
    busy: float = 10.0
    reject: float = 10.0


@dataclass(slots=True, kw_only=True)
class QueueRule(Serializable):
    """A call queue. All times are seconds.

    agents: in the order written, which decides among equals. strategy: ring_all (all free agents
    together), longest_idle, round_robin (the agent after the one offered last) or skills (the agent
    with the fewest skills that will do, then the longest idle). ring_seconds: how long an offer
    rings. wrap_up_seconds: from the end of an agent's talk to the next offer. max_wait_seconds,
    max_length: then a caller overflows; 0 for no limit. away_after: offers missed in a row after
    which an agent is away, 0 for never. weight: among callers of several queues who have waited
    equally long the heavier queue is first. answer_within_seconds: what the service level counts as
    in time.
    """

    name: str
    agents: tuple[QueueAgent, ...]
    strategy: str = LONGEST_IDLE
    ring_seconds: float = 15.0
    wrap_up_seconds: float = 0.0
    max_wait_seconds: float = 0.0
    max_length: int = 0
    retry: RetryDelays = field(default_factory=RetryDelays)
    away_after: int = 0
    weight: int = 1
    answer_within_seconds: float = 20.0

"""The port of call queues: what a call that waits asks of the distribution, and is told by it.

Theory. Who waits in which queue, and which agent is offered to whom, is known in one place for all
calls. A call joins, and gets events in its inbox. It rings the agents itself, as legs of its own,
so that what comes of them is heard in order with all else that happens to it.

Rules. Offers are told by token. One that is withdrawn, or that the distribution does not know any
more, is never connected: `accepted` has the last word. A call that leaves says so; the end of the
call does so too.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from callrouter.pending import Later


@dataclass(slots=True, kw_only=True, frozen=True)
class QueueOffered:
    """An agent is reserved for the caller, to be rung now. until: when the reservation ends."""

    token: int
    agent: str
    until: float


@dataclass(slots=True, kw_only=True, frozen=True)
class QueueWithdrawn:
    """An agent is reserved no more. why: `no_answer`, or what became of the agent or the caller."""

    token: int
    why: str


@dataclass(slots=True, kw_only=True, frozen=True)
class QueueOverflowed:
    """The caller waits no more, and goes on with its route. why: `timeout` or `removed`."""

    why: str


@dataclass(slots=True, kw_only=True, frozen=True)
class QueueMoved:
    """The caller waits in another queue from now on."""

    queue: str


QueueEvent = QueueOffered | QueueWithdrawn | QueueOverflowed | QueueMoved


class QueuePlace(NamedTuple):
    """The place of a caller, from 1. expected_seconds: until its turn, None when nobody knows."""

    position: int
    expected_seconds: float | None


class CallQueues(Protocol):
    """Call queues, as calls know them. call: a call's id. All times are those of the stack."""

    def join(
        self,
        call: str,
        queue: str,
        now: float,
        priority: int,
        skills: tuple[str, ...],
        post: Callable[[QueueEvent], None],
    ) -> Later[bool]:
        """Take a place; False when the queue is full. post: gets the call's events."""

    def call_back(
        self,
        call: str,
        queue: str,
        now: float,
        missed: float,
        post: Callable[[QueueEvent], None],
    ) -> Later[bool]:
        """Take a place for who is to be called back, whose call was missed then; False for none.

        call: the id of the call that is begun when an agent is offered.
        """

    def ready(self, call: str, now: float) -> None:
        """From now on the caller can be connected, and is offered to agents."""

    def leave(self, call: str, now: float, why: str) -> None:
        """Wait no more. why: as `QueueRecord.outcome` has it; after `key` the place is kept."""

    def place(self, call: str, now: float) -> Later[QueuePlace]:
        """Where the caller stands."""

    def picked_up(self, token: int, now: float) -> Later[bool]:
        """An agent has answered; False when it is reserved no more."""

    def accepted(self, token: int, now: float) -> Later[bool]:
        """An agent is connected now; False when it is reserved no more."""

    def failed(self, token: int, why: str, now: float) -> None:
        """An agent was not had: `no_answer`, `busy`, `rejected`, `unreachable` or `hung_up`."""

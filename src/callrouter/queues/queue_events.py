"""What the distribution of calls asks for, and the history that it leaves."""

from typing import Final, NamedTuple

# Kinds of transitions, beside the outcomes ANSWERED, ABANDONED and OVERFLOWED.
JOINED: Final = "joined"
OFFERED: Final = "offered"
PICKED_UP: Final = "picked_up"
MISSED: Final = "missed"
WITHDRAWN: Final = "withdrawn"
TALK_ENDED: Final = "talk_ended"
MOVED: Final = "moved"
AWAY: Final = "away"
BACK: Final = "back"

# Why an offer came to nothing.
NO_ANSWER: Final = "no_answer"
BUSY: Final = "busy"
REJECTED: Final = "rejected"
UNREACHABLE: Final = "unreachable"
HUNG_UP: Final = "hung_up"
ELSEWHERE: Final = "answered_elsewhere"

# Why a caller overflows.
FULL: Final = "full"
TIMEOUT: Final = "timeout"
KEY: Final = "key"
REMOVED: Final = "removed"


class Transition(NamedTuple):
    """A row of the history. at: the time of the step, on the clock of its caller.

    kind: one of KINDS. queue, call, agent: whom it is about, "" for nobody. why: more of it.
    waited_seconds: how long the caller had waited.
    """

    at: float
    kind: str
    queue: str = ""
    call: str = ""
    agent: str = ""
    why: str = ""
    waited_seconds: float = 0.0


class OfferMade(NamedTuple):
    """An agent is to be rung for a caller. token: says which offer an answer is for.

    until: when it is withdrawn.
    """

    token: int
    call: str
    queue: str
    agent: str
    until: float


class OfferWithdrawn(NamedTuple):
    """An agent is to be rung no more. why: NO_ANSWER, ELSEWHERE, or what became of either party."""

    token: int
    call: str
    agent: str
    why: str


class Overflowed(NamedTuple):
    """A caller waits no more, and is for the next step of its route. why: TIMEOUT or REMOVED."""

    call: str
    queue: str
    why: str


class Moved(NamedTuple):
    """A caller waits in another queue from now on."""

    call: str
    queue: str


class SentAway(NamedTuple):
    """An agent has missed too many offers, and is away until it comes back. reason: for people."""

    agent: str
    reason: str


Action = OfferMade | OfferWithdrawn | Overflowed | Moved | SentAway

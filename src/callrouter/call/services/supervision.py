"""The supervision of one call by another: what both tell each other (D7).

Theory. Who supervises is a party of a call of its own, whose media is at the worker that bridges
the two whom it hears. It asks to be let in; the call that is supervised moves to a worker first, if
its media goes end to end.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from callrouter.call.services.media import MediaSlots

LISTEN: Final = "listen"
WHISPER: Final = "whisper"
BARGE: Final = "barge"
MODES: Final = (LISTEN, WHISPER, BARGE)
"""What a supervisor does: it hears both, is heard by our side alone, or by both."""


@dataclass(slots=True, kw_only=True, frozen=True)
class SupervisorAsks:
    """A supervisor asks to be let in. who: its extension. post: gets the answer."""

    who: str
    post: "Callable[[SupervisionEvent], None]"


@dataclass(slots=True, kw_only=True, frozen=True)
class SupervisorLetIn:
    """The supervisor may hear. slots: of the worker. a_session, b_session: of both who talk."""

    slots: MediaSlots
    a_session: str
    b_session: str


@dataclass(slots=True, kw_only=True, frozen=True)
class SupervisionOver:
    """The call is supervised no more, or never was. why: for the record."""

    why: str


SupervisionEvent = SupervisorAsks | SupervisorLetIn | SupervisionOver


class SupervisedCall(Protocol):
    """A call in progress, as who supervises it sees it.

    id: of its record. ours_calls: our side is its caller.
    """

    id: str
    ours_calls: bool

    def ask(self, asks: SupervisorAsks) -> None:
        """Ask it to let a supervisor in."""


class Conversations(Protocol):
    """The conversations of our extensions."""

    def of(self, extension: str) -> SupervisedCall | None:
        """The one in which an extension talks, None while it does not."""

    def named(self, call: str) -> SupervisedCall | None:
        """The one with this id, None when nobody talks in it."""

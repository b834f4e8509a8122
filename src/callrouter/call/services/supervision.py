"""The supervision of one call by another: what both tell each other (D7).

Theory. Who supervises is a party of a call of its own, whose media is at the worker that bridges
the two whom it hears. It asks to be let in; the call that is supervised moves to a worker first, if
its media goes end to end.
"""

from collections.abc import Callable
from typing import Final, Protocol

from callrouter.call.services.media import MediaSlots

LISTEN: Final = "listen"
WHISPER: Final = "whisper"
BARGE: Final = "barge"
MODES: Final = (LISTEN, WHISPER, BARGE)
"""What a supervisor does: it hears both, is heard by our side alone, or by both."""


class SupervisorAsks:
    """A supervisor asks to be let in. who: its extension. post: gets the answer."""

    __slots__ = ("post", "who")

    def __init__(self, who: str, post: "Callable[[SupervisionEvent], None]") -> None:
        self.who = who
        self.post = post


class SupervisorLetIn:
    """The supervisor may hear. slots: of the worker. ear, far: sessions of caller and callee."""

    __slots__ = ("ear", "far", "slots")

    def __init__(self, slots: MediaSlots, ear: str, far: str) -> None:
        self.slots = slots
        self.ear = ear
        self.far = far


class SupervisionOver:
    """The call is supervised no more, or never was. why: for the record."""

    __slots__ = ("why",)

    def __init__(self, why: str) -> None:
        self.why = why


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

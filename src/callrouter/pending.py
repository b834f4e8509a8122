"""Answers that come at once or later: what a service gives that may be on another machine.

Theory. A service answers at once, or gives a `Pending`, which gets the answer later, in a step of
the stack, or never. How long it may take is for the asker to say, who gives up then.

Rules. Nothing that was granted is lost in between: an answer that comes after the asker gave up, or
that came and was not taken, goes to `unwanted`. One that is lost on its way is for the service to
take back, which sees `given_up`.
"""

from collections.abc import Callable
from typing import Final, Generic, NamedTuple, TypeAlias, TypeVar

from callrouter.sip.timers import Timers

T = TypeVar("T")


class Unavailable(NamedTuple):
    """The answer of a service that cannot say now. why: for the log."""

    why: str


def _nothing() -> None:
    """Nobody waits."""


LATE: Final = Unavailable("no answer in time")


def drop(_answer: object) -> None:
    """It was no more than news."""


class Pending(Generic[T]):
    """An answer that is still to come. answer: None until then. given_up: nobody waits for it."""

    __slots__ = ("_then", "_unwanted", "answer", "given_up")

    def __init__(self) -> None:
        self.answer: T | None = None
        self.given_up = False
        self._then: Callable[[], None] = _nothing
        self._unwanted: Callable[[T], None] = drop

    def settle(self, answer: T) -> None:
        """The service has the answer; once."""
        if self.given_up:
            self._unwanted(answer)
        else:
            self.answer = answer
            self._then()

    def then(self, do: Callable[[], None]) -> None:
        """Call this when the answer is there, unless it is given up before."""
        self._then = do
        if self.answer is not None:
            do()

    def give_up(self, unwanted: Callable[[T], None] = drop) -> None:
        """Wait no longer. unwanted: takes the answer, if it is there or when it comes."""
        self.given_up = True
        self._then = _nothing
        self._unwanted = unwanted
        if self.answer is not None:
            unwanted(self.answer)


Later: TypeAlias = T | Unavailable | Pending[T | Unavailable]
"""An answer, or one that is still to come. None of T is ever None."""


def wait(
    timers: Timers,
    until: float,
    asked: Later[T],
    do: Callable[[T | Unavailable], None],
) -> None:
    """Do something with an answer, once: now, when it comes, or at a time when it has not come."""
    if not isinstance(asked, Pending):
        do(asked)
        return
    pending = asked

    def come() -> None:
        timer.cancel()
        if pending.answer is not None:
            do(pending.answer)

    def late(_now: float) -> None:
        pending.give_up()
        do(LATE)

    timer = timers.start(until, late)
    pending.then(come)

"""The state that calls share with each other, and later with other instances (F8)."""

from collections.abc import Callable
from typing import Protocol

from callrouter.register.bindings import Bindings
from callrouter.route.values.external_lookup import Lookup, LookupAnswer
from callrouter.route.values.plan import AutoBlock
from callrouter.route.values.snapshot import Snapshot


class Shared(Protocol):
    """Counts, turns and blocks. No call may wait for it, and nothing else keeps state of calls."""

    @property
    def snapshot(self) -> Snapshot:
        """The state of the moment, for one decision."""

    def take(self, holds: tuple[str, ...]) -> None:
        """A call in progress holds one line of each of these; `give` is called once for it."""

    def give(self, holds: tuple[str, ...]) -> None:
        """The call is over."""

    def arrived(self, trunk: str, at: float, most: int) -> None:
        """A trunk (what it holds) was let in with a call at a Unix time, of `most` in a second."""

    def turned(self, rotation: str) -> None:
        """A hunt with this rotation is about to be carried out."""

    def attempted(self, number: str, caller: str, at: float, rule: AutoBlock) -> None:
        """A caller (E.164) called a number (its key) at a Unix time; perhaps once too often."""

    def tried(self, gateway: str, place: str, why: str, rest_seconds: float) -> None:
        """A gateway took a call at one of its places, or not. why: "" when it did.

        rest_seconds: how long it asked to be left alone, 0 when it did not.
        """

    def override(self, schedule: str, open: bool, until: float) -> None:
        """Switch a schedule by hand, until a Unix time; 0 for no end."""

    def end_override(self, schedule: str) -> bool:
        """Let a schedule follow its hours again; False when it does already."""

    def leave(self, extension: str, reason: str) -> None:
        """Ring an extension no more."""

    def come_back(self, extension: str) -> bool:
        """Ring it again; False when it was not away."""

    @property
    def bindings(self) -> Bindings:
        """Where telephones are registered."""


class LookedUp:
    """The result of a look-up, which was answered or has failed."""

    __slots__ = ("answer",)

    def __init__(self, answer: LookupAnswer) -> None:
        self.answer = answer


class Directory(Protocol):
    """A directory of who is responsible for a caller, as systems outside know it."""

    def find(
        self, lookup: Lookup, caller: str, post: Callable[[LookedUp], None]
    ) -> LookupAnswer | Callable[[], None]:
        """Return what is known already, or else a function that gives the question up.

        Then `post` gets `LookedUp` once, after this has returned, unless it was given up before.
        """

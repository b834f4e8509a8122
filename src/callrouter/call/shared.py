"""The state that calls share with each other, and later with other instances (F8)."""

from typing import Protocol

from callrouter.route.plan import AutoBlock
from callrouter.route.snapshot import Snapshot


class Shared(Protocol):
    """Counts, turns and blocks. No call may wait for it, and nothing else keeps state of calls."""

    @property
    def snapshot(self) -> Snapshot:
        """The state of the moment, for one decision."""

    def take(self, holds: tuple[str, ...]) -> None:
        """A call in progress holds one line of each of these; `give` is called once for it."""

    def give(self, holds: tuple[str, ...]) -> None:
        """The call is over."""

    def turned(self, rotation: str) -> None:
        """A hunt with this rotation is about to be carried out."""

    def attempted(self, number: str, caller: str, at: float, rule: AutoBlock) -> None:
        """A caller (E.164) called a number (its key) at a Unix time; perhaps once too often."""

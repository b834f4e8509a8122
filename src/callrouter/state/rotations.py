"""Rotations in memory: how often each was used.

Turns are kept by the rotation's name, so a new dialplan goes on where the old one was.
"""

from types import MappingProxyType

from callrouter.state.journal import Journal


class RotationsInMemory:
    """Turns of rotations. Implements `Rotations`. turns: how often each was used."""

    __slots__ = ("_journal", "_turns", "turns")

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._turns: dict[str, int] = {}
        self.turns = MappingProxyType(self._turns)

    def turned(self, rotation: str) -> None:
        """A hunt with this rotation is about to be carried out."""
        turn = self._turns.get(rotation, 0) + 1
        self._turns[rotation] = turn
        self._journal("turn", (rotation,), (turn,))

    def restore(self, rotation: str, turn: int) -> None:
        """It was used so often."""
        self._turns[rotation] = turn

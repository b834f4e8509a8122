"""Rotations in memory: how often each was used.

Turns are kept by the rotation's name, so a new dialplan goes on where the old one was.
"""

from callrouter.state.journal import Journal, Journalled


class RotationsInMemory:
    """Turns of rotations. Implements `Rotations`. turns: how often each was used."""

    __slots__ = ("_turns", "restore", "turns")

    def __init__(self, journal: Journal) -> None:
        self._turns = Journalled[int](journal, "turn", lambda turn: (turn,))
        self.turns = self._turns.view
        self.restore = self._turns.restore

    def turned(self, rotation: str) -> None:
        """A hunt with this rotation is about to be carried out."""
        self._turns.put(rotation, self.turns.get(rotation, 0) + 1)

"""Forwards in memory: where calls of extensions go on to, as it was switched."""

from callrouter.state.journal import Journal, Journalled


class ForwardsInMemory:
    """Forwards of extensions. Implements `Forwards`. goals: by extension and when: `301 all`."""

    __slots__ = ("_goals", "goals", "restore")

    def __init__(self, journal: Journal) -> None:
        self._goals = Journalled[str](journal, "forward", lambda goal: (goal,))
        self.goals = self._goals.view
        self.restore = self._goals.restore

    def switched(self) -> dict[str, str]:
        """Where calls go on to, "" for nowhere."""
        return dict(self.goals)

    def forward(self, extension: str, when: str, goal: str) -> bool:
        """Have calls of an extension go on."""
        self._goals.put(f"{extension} {when}", goal)
        return True

    def unswitch(self, extension: str, when: str) -> bool:
        """Let calls go as the dialplan says; False when they do."""
        return self._goals.drop(f"{extension} {when}")

"""Extensions in memory: presence, who is away and why, and forwards, where calls go on to."""

from collections.abc import Callable

from callrouter.state.journal import Journal, Journalled


class PresenceInMemory:
    """Presence of extensions. Implements `Presence`.

    reasons: why each that is away is so. changed: told which extension has left or come back.
    """

    __slots__ = ("_reasons", "changed", "reasons", "restore")

    def __init__(self, journal: Journal) -> None:
        self._reasons = Journalled[str](journal, "away", lambda reason: (reason,))
        self.reasons = self._reasons.view
        self.restore = self._reasons.restore
        self.changed: Callable[[str], None] = _nobody

    def away(self) -> dict[str, str]:
        """Why each extension that is away is so."""
        return dict(self.reasons)

    def leave(self, extension: str, reason: str) -> bool:
        """Ring an extension no more."""
        self._reasons.put(extension, reason)
        self.changed(extension)
        return True

    def come_back(self, extension: str) -> bool:
        """Ring an extension again; False when it was not away."""
        was_away = self._reasons.drop(extension)
        self.changed(extension)
        return was_away


def _nobody(_extension: str) -> None:
    """Nobody wants to know."""


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

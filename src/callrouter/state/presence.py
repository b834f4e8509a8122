"""Presence in memory: the extensions that are away, and why."""

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

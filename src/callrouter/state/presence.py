"""Presence in memory: the extensions that are away, and why."""

from callrouter.state.journal import Journal, Journalled


class PresenceInMemory:
    """Presence of extensions. Implements `Presence`. reasons: why each that is away is so."""

    __slots__ = ("_reasons", "reasons", "restore")

    def __init__(self, journal: Journal) -> None:
        self._reasons = Journalled[str](journal, "away", lambda reason: (reason,))
        self.reasons = self._reasons.view
        self.restore = self._reasons.restore

    def away(self) -> dict[str, str]:
        """Why each extension that is away is so."""
        return dict(self.reasons)

    def leave(self, extension: str, reason: str) -> bool:
        """Ring an extension no more."""
        self._reasons.put(extension, reason)
        return True

    def come_back(self, extension: str) -> bool:
        """Ring an extension again; False when it was not away."""
        return self._reasons.drop(extension)

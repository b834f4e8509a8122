"""Presence in memory: the extensions that are away, and why."""

from types import MappingProxyType

from callrouter.state.journal import Journal


class PresenceInMemory:
    """Presence of extensions. Implements `Presence`. reasons: why each that is away is so."""

    __slots__ = ("_journal", "_reasons", "reasons")

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._reasons: dict[str, str] = {}
        self.reasons = MappingProxyType(self._reasons)

    def away(self) -> dict[str, str]:
        """Why each extension that is away is so."""
        return dict(self._reasons)

    def leave(self, extension: str, reason: str) -> bool:
        """Ring an extension no more."""
        self._reasons[extension] = reason
        self._journal("away", (extension,), (reason,))
        return True

    def come_back(self, extension: str) -> bool:
        """Ring an extension again; False when it was not away."""
        if self._reasons.pop(extension, None) is None:
            return False
        self._journal("away", (extension,), None)
        return True

    def restore(self, extension: str, reason: str) -> None:
        """It was away when the last process ended."""
        self._reasons[extension] = reason

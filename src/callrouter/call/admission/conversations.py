"""Conversations that may be supervised: those of the calls of this process."""

from collections.abc import Mapping

from callrouter.call.call import Call
from callrouter.call.services.supervision import SupervisorAsks


class SupervisableCall:
    """A call in which two talk. id: of its record. ours_calls: our side is its caller."""

    __slots__ = ("_call", "id", "ours_calls")

    def __init__(self, call: Call) -> None:
        self._call = call
        self.id = call.record.id
        self.ours_calls = bool(call.record.extension)

    def ask(self, asks: SupervisorAsks) -> None:
        """Ask it to let a supervisor in."""
        self._call.inbox.post(asks)


class Talks:
    """The conversations. Implements `Conversations`."""

    __slots__ = ("_calls",)

    def __init__(self, calls: Mapping[str, Call]) -> None:
        self._calls = calls

    def of(self, extension: str) -> SupervisableCall | None:
        """The one in which an extension talks."""
        for call in self._calls.values():
            if _talks(call) and is_party(call, extension):
                return SupervisableCall(call)
        return None

    def named(self, call: str) -> SupervisableCall | None:
        """The one with this id."""
        found = self._calls.get(call)
        return SupervisableCall(found) if found is not None and _talks(found) else None


def is_party(call: Call, extension: str) -> bool:
    """Whether an extension talks in a call: as its caller, or rung by any of its targets."""
    known = call.dialplan.extensions.get(extension)
    if known is None:
        return False
    rung = {extension, *(leaf.target.name for leaf in known.rule.leaves)}
    return call.record.extension == extension or any(
        leg.target in rung or leg.extension in rung for leg in call.record.talking()
    )


def _talks(call: Call) -> bool:
    return call.record.answered_ms is not None and call.b is not None

"""Roles of people, and the scopes that each has: what may be seen, heard and changed."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final


class Scope(StrEnum):
    """One thing that somebody may do; API tokens have some of those of whom they are of."""

    CALLS = "calls"
    NUMBERS = "numbers"
    OWN = "own"
    RECORDINGS = "recordings"
    PRESENCE = "presence"
    OVERRIDES = "overrides"
    CALL_BACKS = "callbacks"
    SUPERVISION = "supervision"
    BLOCKS = "blocks"
    ACCOUNTS = "accounts"
    LIVES = "lives"
    DIALPLAN = "dialplan"
    PEOPLE = "people"


MEANINGS: Final[dict[Scope, str]] = {
    Scope.CALLS: "see live calls, records, queues and gateways, with numbers masked",
    Scope.NUMBERS: "see numbers whole, SIP messages, telephones, and why a call goes where it does",
    Scope.OWN: "see one's own calls",
    Scope.RECORDINGS: "hear recordings and messages; begin and end recordings",
    Scope.PRESENCE: "switch presence and forwards",
    Scope.OVERRIDES: "switch schedules",
    Scope.CALL_BACKS: "have customers called back",
    Scope.SUPERVISION: "listen in on calls and end them, move those who wait",
    Scope.ACCOUNTS: "see accounts, top them up, adjust and suspend them",
    Scope.LIVES: "begin, suspend and end the lives of numbers",
    Scope.BLOCKS: "block callers, ban addresses",
    Scope.DIALPLAN: "load the dialplan again, drain gateways and the server",
    Scope.PEOPLE: "invite and remove people, read the audit",
}

_SUPERVISOR: Final = frozenset(
    (
        *(Scope.CALLS, Scope.NUMBERS, Scope.RECORDINGS),
        *(Scope.PRESENCE, Scope.OVERRIDES, Scope.CALL_BACKS, Scope.SUPERVISION),
    )
)
_OPS: Final = _SUPERVISOR | {Scope.BLOCKS, Scope.ACCOUNTS, Scope.LIVES, Scope.DIALPLAN}

ROLES: Final[dict[str, frozenset[Scope]]] = {
    "viewer": frozenset((Scope.CALLS,)),
    "agent": frozenset((Scope.OWN, Scope.PRESENCE)),
    "supervisor": _SUPERVISOR,
    "ops": _OPS,
    "admin": _OPS | {Scope.PEOPLE},
}


@dataclass(slots=True, kw_only=True, frozen=True)
class WebIdentity:
    """Who asks. extension: whose calls are their own, "" for none. address: where they ask from.

    session: the secret of the session, "" for an API token.
    """

    name: str
    role: str
    scopes: frozenset[Scope]
    extension: str
    address: str
    session: str = field(default="", repr=False)

    def may(self, scope: Scope) -> bool:
        """Whether they have a scope."""
        return scope in self.scopes

    @property
    def sees_calls(self) -> bool:
        """Some calls at least may be seen: all, or one's own."""
        return self.may(Scope.CALLS) or self.may(Scope.OWN)

    @property
    def sees_numbers(self) -> bool:
        """Numbers are whole: agents know with whom they spoke."""
        return self.may(Scope.NUMBERS) or self.may(Scope.OWN)

    @property
    def only_own(self) -> str | None:
        """The extension whose calls alone may be seen; None for all."""
        return None if self.may(Scope.CALLS) else self.extension

"""Endpoints of webhooks: who is told of which events, and where."""

from dataclasses import dataclass

from callrouter.route.rules.mailboxes import Secret


@dataclass(slots=True, kw_only=True, frozen=True)
class Endpoint:
    """One endpoint. secrets: each signs; two while one takes the place of the other.

    kinds: of the events it is told of, None for all. numbers: keys of the dialplan; of events that
    are about a number it is told of these alone; None for all. allow_private: its address may be
    one of this machine or of a private network.
    """

    name: str
    url: str
    secrets: tuple[Secret, ...]
    kinds: frozenset[str] | None = None
    numbers: frozenset[str] | None = None
    allow_private: bool = False

    def wants(self, kind: str, number: str) -> bool:
        """Whether it is told of events of this kind, about this number ("" for none)."""
        return (self.kinds is None or kind in self.kinds) and (
            self.numbers is None or not number or number in self.numbers
        )

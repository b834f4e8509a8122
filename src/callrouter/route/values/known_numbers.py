"""Known numbers: what is known of a number of ours beside its route, as outgoing calls obey it."""

from dataclasses import dataclass

from callrouter.serializable import Serializable


@dataclass(slots=True, kw_only=True)
class KnownNumber(Serializable):
    """A number of ours. text: all that is known, for people. country: by which it is written.

    groups: permissions whose calls may show it, None for all; none for a virtual number.
    """

    text: str
    country: str
    groups: frozenset[str] | None

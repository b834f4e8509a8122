"""Look-ups: who is responsible for a caller, or the carrier of a number, as another system knows.

The rules only say that an answer is needed (`NeedLookup` in a decision). Whoever asked for the
decision gets the answer, and asks again with it in the facts.
"""

from dataclasses import dataclass, field
from typing import Final

from callrouter.serializable import Serializable

CALLER: Final = "{caller}"
"""Stands in a URL for the caller's number: it is asked who is responsible."""
CALLED: Final = "{called}"
"""Stands in a URL for the called number: it is asked which carrier that is with."""


@dataclass(slots=True, kw_only=True)
class Lookup(Serializable):
    """A look-up of the dialplan.

    url: where to ask, with `CALLER` or `CALLED` in the place of a number. timeout_seconds: a later
    answer counts as none. known_seconds, unknown_seconds: how long an answer that names somebody,
    and one that names nobody, may be used again. of_carrier: it is asked for a carrier.
    """

    name: str
    url: str
    timeout_seconds: float
    known_seconds: float
    unknown_seconds: float
    file: str
    line: int
    rule: str = field(init=False)
    of_carrier: bool = field(init=False)

    def __post_init__(self) -> None:
        self.rule = f"lookup {self.name}"
        self.of_carrier = CALLED in self.url


@dataclass(slots=True, kw_only=True)
class LookupAnswer(Serializable):
    """A look-up's answer. named: an extension or a carrier, "" for none. why: for the verdict."""

    named: str
    why: str


def said(owner: str) -> LookupAnswer:
    """Return the answer of a system that names an extension, or nobody ("")."""
    return LookupAnswer(
        named=owner, why=f"names extension {owner}" if owner else "nobody is responsible"
    )


def said_of_carrier(carrier: str) -> LookupAnswer:
    """Return the answer of a system that knows the carrier of a number, or does not ("")."""
    return LookupAnswer(named=carrier, why=f"names {carrier}" if carrier else "it knows no carrier")

"""Look-ups: who of the dialplan's extensions is responsible for a caller, as another system knows.

The rules only say that an answer is needed (`NeedLookup` in a decision). Whoever asked for the
decision gets the answer, and asks again with it in the facts.
"""

from dataclasses import dataclass, field
from typing import Final

from callrouter.serializable import Serializable

CALLER: Final = "{caller}"
"""Stands in a URL for the caller's number."""


@dataclass(slots=True, kw_only=True)
class Lookup(Serializable):
    """A look-up of the dialplan.

    url: where to ask, with `CALLER` in the place of the caller's number. timeout_seconds: a later
    answer counts as none. known_seconds, unknown_seconds: how long an answer that names somebody,
    and one that names nobody, may be used again.
    """

    name: str
    url: str
    timeout_seconds: float
    known_seconds: float
    unknown_seconds: float
    file: str
    line: int
    rule: str = field(init=False)

    def __post_init__(self) -> None:
        self.rule = f"lookup {self.name}"


@dataclass(slots=True, kw_only=True)
class LookupAnswer(Serializable):
    """A look-up's answer. owner: an extension, "" when nobody is known. why: for the verdict."""

    owner: str
    why: str


def said(owner: str) -> LookupAnswer:
    """Return the answer of a system that names an extension, or nobody ("")."""
    return LookupAnswer(
        owner=owner, why=f"names extension {owner}" if owner else "nobody is responsible"
    )

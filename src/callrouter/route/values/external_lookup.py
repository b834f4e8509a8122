"""Look-ups: who of the dialplan's extensions is responsible for a caller, as another system knows.

The rules only say that an answer is needed (`NeedLookup` in a decision). Whoever asked for the
decision gets the answer, and asks again with it in the facts.
"""

from typing import Final

CALLER: Final = "{caller}"
"""Stands in a URL for the caller's number."""


class Lookup:
    """A look-up of the dialplan.

    url: where to ask, with `CALLER` in the place of the caller's number. timeout_seconds: a later
    answer counts as none. known_seconds, unknown_seconds: how long an answer that names somebody,
    and one that names nobody, may be used again.
    """

    __slots__ = (
        "file",
        "known_seconds",
        "line",
        "name",
        "rule",
        "timeout_seconds",
        "unknown_seconds",
        "url",
    )

    def __init__(
        self,
        name: str,
        url: str,
        timeout_seconds: float,
        known_seconds: float,
        unknown_seconds: float,
        file: str,
        line: int,
    ) -> None:
        self.name: Final = name
        self.url: Final = url
        self.timeout_seconds: Final = timeout_seconds
        self.known_seconds: Final = known_seconds
        self.unknown_seconds: Final = unknown_seconds
        self.file: Final = file
        self.line: Final = line
        self.rule: Final = f"lookup {name}"


class LookupAnswer:
    """A look-up's answer. owner: an extension, "" when nobody is known. why: for the verdict."""

    __slots__ = ("owner", "why")

    def __init__(self, owner: str, why: str) -> None:
        self.owner: Final = owner
        self.why: Final = why


def said(owner: str) -> LookupAnswer:
    """Return the answer of a system that names an extension, or nobody ("")."""
    return LookupAnswer(owner, f"names extension {owner}" if owner else "nobody is responsible")

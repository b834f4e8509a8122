"""Attributes of numbers: what each is, beside its route and its life (E4)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

CARRIER: Final = "carrier"
VIRTUAL: Final = "virtual"
"""A carrier's number, or a virtual one, which has no line and never calls out."""


@dataclass(slots=True, kw_only=True, frozen=True)
class NumberAttributes:
    """What is known of a number. kind, country, name: "" when nobody said.

    groups: permissions whose calls may show it, None for all. widget: it is offered where people
    click to call.
    """

    number: str
    line: str = CARRIER
    kind: str = ""
    country: str = ""
    name: str = ""
    groups: tuple[str, ...] | None = None
    widget: bool = False

    @property
    def callers(self) -> tuple[str, ...] | None:
        """The permissions whose calls may show it, None for all."""
        return () if self.line == VIRTUAL else self.groups

    def __str__(self) -> str:
        known = [self.line, self.kind, self.country, self.name and f'"{self.name}"']
        if self.line != VIRTUAL and self.groups is not None:
            known.append(f"shown by {', '.join(self.groups) or 'nobody'}")
        if self.widget:
            known.append("click to call")
        return ", ".join(filter(None, known))


def with_changes(
    before: NumberAttributes, changes: Mapping[str, Any]
) -> tuple[NumberAttributes, str]:
    """Return the attributes with some changed, and in words what is not as it was, "" for none."""
    after = replace(before, **changes)
    said = [
        f"{name}: {_word(getattr(after, name))}"
        for name in changes
        if getattr(after, name) != getattr(before, name)
    ]
    return after, ", ".join(said)


def _word(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return " ".join(value) or "nobody"
    return "all" if value is None else str(value) or "none"

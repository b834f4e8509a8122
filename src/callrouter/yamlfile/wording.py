"""Words that all messages about a file share."""

import difflib
from collections.abc import Collection
from typing import Final

from callrouter.errors import ConfigError, Diagnostic, masked

# Longer texts are no misspelt names, and comparing them would take long.
_LONGEST: Final = 100
_LOOKED_AT: Final = 4096
"""Characters of a value in which passwords are looked for; far fewer are shown."""


def shown(value: object) -> str:
    """Write a value for a message: short, without passwords, and never more than one line."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    text = masked(str(value)[:_LOOKED_AT])
    text = text if len(text) <= 60 else f"{text[:57]}..."
    return f"'{text}'" if text.isprintable() else repr(text)


def plural(noun: str) -> str:
    """Write more than one of it."""
    return f"{noun}es" if noun.endswith(("x", "s")) else f"{noun}s"


def span(seconds: float) -> str:
    """Write a length of time as ops would: 30d, 15s, 0.5s."""
    days, rest = divmod(seconds, 86400)
    return f"{days:g}d" if days and not rest else f"{seconds:g}s"


def suggestion(found: object, known: Collection[str]) -> str:
    """Ask whether the closest of the known names was meant; "" when none is close."""
    if not isinstance(found, str) or len(found) > _LONGEST:
        return ""
    close = difflib.get_close_matches(found, known, 1)
    return f"; did you mean '{close[0]}'?" if close else ""


def in_file_order(found: list[Diagnostic]) -> ConfigError:
    """Make the error that reports all mistakes, file by file. There must be one."""
    files = {mistake.file: place for place, mistake in reversed(list(enumerate(found)))}
    order = sorted(found, key=lambda at: (files[at.file], at.line, at.column))
    return ConfigError(order)

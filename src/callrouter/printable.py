"""Printable text: what others wrote, as it may stand on a terminal, in a file and in a table.

A caller's number, a name or a Call-ID is any text a peer likes. Whatever is shown or exported goes
through here: no control character (C0, C1), no escape sequence, no mark that turns the direction of
what follows, and nothing longer than its place.
"""

import re
from typing import Final

import orjson

BRIEF: Final = 128
"""Characters of one cell of a table."""
# What a spreadsheet runs, the wide forms of these signs too; +8675612345 is none of it.
_FORMULA: Final = re.compile(r"\s*(?:[=@\uff1d\uff20]|[+\-\uff0b\u2212\uff0d](?!\d+$))")


def printable(text: str) -> str:
    """The text with every character that is not printable as a `\\uXXXX` escape."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escape(char) for char in text)


def brief(text: str) -> str:
    """The same for a cell of a table, cut when it is too long for one."""
    shown = printable(text[: BRIEF + 1])
    return shown if len(shown) <= BRIEF else f"{shown[: BRIEF - 1]}…"


def inert(text: str) -> str:
    """The same for a cell of a CSV file: what a spreadsheet would run as a formula starts with an
    apostrophe; a number with its plus is none.
    """
    return f"'{printable(text)}" if _FORMULA.match(text) else printable(text)


def json_text(value: object, *, indent: bool = False) -> str:
    """JSON of plain values with escapes for what is not printable: the same to whoever reads it."""
    text = orjson.dumps(value, option=orjson.OPT_INDENT_2 if indent else None).decode()
    if text.isascii() and "\x7f" not in text:  # JSON itself escapes what is below the blank
        return text
    return "\n".join(printable(line) for line in text.split("\n"))


def storable(text: str) -> str:
    """A peer's text with escapes for what is not UTF-8, and for NUL, which PostgreSQL refuses."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


def _escape(char: str) -> str:
    units = char.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))

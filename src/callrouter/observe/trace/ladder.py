"""A call drawn as a ladder: one column for each party, one line for each message.

Only drawing: what it is given are times, names and bytes, whoever saw the messages.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from rich.text import Text

from callrouter.errors import ParseError
from callrouter.printable import printable
from callrouter.sip.message import Request, parse
from callrouter.sip.uri import parse_uri

_TIME: Final = 6
"""Characters for the milliseconds: enough for a quarter of an hour."""
_ENDS: Final = len("|->")
"""What a text between two neighbours has to leave free."""
_CUT: Final = "~"
"""Stands for what was cut off."""


class LadderStep(NamedTuple):
    """One message. at: seconds from the start of the ladder. source, target: names of parties."""

    at: float
    source: str
    target: str
    text: str


class Ladder:
    """The columns of one ladder and the way to draw its lines.

    width: characters for a whole line, which is longer all the same when the names need more. A
    text that finds no room between its two parties is cut.
    """

    def __init__(self, parties: Sequence[str], width: int) -> None:
        """parties: their names from left to right, two or more, each once."""
        first = _TIME + 2 + len(parties[0]) // 2
        last = width - 1 - len(parties[-1]) // 2
        gap = max((last - first) // (len(parties) - 1), max(map(len, parties)) + 1)
        self._columns = {party: first + gap * index for index, party in enumerate(parties)}
        self._lanes = " " * first + ("|" + " " * (gap - 1)) * (len(parties) - 1) + "|"

    def head(self) -> Text:
        """The line above all others: the parties' names, each in the middle of its column."""
        line = "ms".rjust(_TIME)
        for party, column in self._columns.items():
            line = line.ljust(column - len(party) // 2) + party
        return Text(line, style="bold")

    def line(self, step: LadderStep, style: str = "") -> Text:
        """One message, its arrow and text in a rich style. Raises KeyError for an unknown party."""
        start, end = self._columns[step.source], self._columns[step.target]
        left, right = min(start, end), max(start, end)
        room = right - left - _ENDS
        said = step.text if len(step.text) <= room else step.text[: room - 1] + _CUT
        body = (f" {said} " if len(said) + 2 <= room else said).center(room, "-")
        time = f"{step.at * 1000:.0f}".rjust(_TIME)
        line = Text(time + self._lanes[len(time) : left + 1], style="dim")
        line.append(f"-{body}>" if start < end else f"<{body}-", style=style or "none")
        return line.append(self._lanes[right:], style="dim")


def words(data: bytes) -> tuple[str, int]:
    """A message in a few words for the ladder, and its status: 0 for a request."""
    try:
        message = parse(data)
        if isinstance(message, Request):
            user = f" {parse_uri(message.uri).user}" if message.method == "INVITE" else ""
            return printable(f"{message.method}{user}"), 0
        method = message.cseq()[1]
    except ParseError:
        return "not SIP", 0
    of = "" if method == "INVITE" else f" ({method})"
    return printable(f"{message.status} {message.phrase}{of}"), message.status


def style_of(status: int) -> str:
    """The colour of a message, by its status; 0 is a request."""
    if not status:
        return "cyan"
    return ("dim", "green", "yellow", "red", "red", "red")[status // 100 - 1]

"""Drawing of a call's ladder: where its columns and arrows are, in units of an SVG."""

from typing import Final, NamedTuple

from callrouter.web.core.call_ladder import US, CallLadder

GAP: Final = 155
MARGIN: Final = 70
_HEAD: Final = 7
"""Length of an arrow's head."""


class LadderColumn(NamedTuple):
    """A party's column. x: its middle."""

    name: str
    place: str
    x: int


class Arrow(NamedTuple):
    """One message. start, end: of its line; tip: of the head, whose base is `end`. middle: text.

    kind: request, or by the status: provisional, success, redirection, failure.
    """

    ms: float
    start: int
    end: int
    tip: int
    middle: int
    kind: str
    source: str
    target: str
    words: str
    transport: str
    text: str


class Drawing(NamedTuple):
    """The whole ladder."""

    width: int
    columns: list[LadderColumn]
    arrows: list[Arrow]


def drawn(ladder: CallLadder) -> Drawing:
    """Give each party a column, ours the second, and each message its arrow."""
    names = [party.name for party in ladder.parties]
    names.insert(1, US)
    places = {party.name: party.place for party in ladder.parties}
    at = {name: MARGIN + GAP * index for index, name in enumerate(names)}
    arrows = []
    for message in ladder.messages:
        start, tip = at[message.source], at[message.target]
        arrows.append(
            Arrow(
                ms=message.ms,
                start=start,
                end=tip + (_HEAD if tip < start else -_HEAD),
                tip=tip,
                middle=(start + tip) // 2,
                kind=_kind(message.status),
                source=message.source,
                target=message.target,
                words=message.words,
                transport=message.transport,
                text=message.text,
            )
        )
    columns = [LadderColumn(name, places.get(name, ""), at[name]) for name in names]
    return Drawing(MARGIN * 2 + GAP * (len(names) - 1), columns, arrows)


def _kind(status: int) -> str:
    if not status:
        return "request"
    return ("provisional", "success", "redirection", "failure", "failure", "failure")[
        status // 100 - 1
    ]

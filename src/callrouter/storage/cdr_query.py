"""The table of calls as people read it: the last ones, one of them, or those that match."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from callrouter.observe.cdr.rows import COLUMNS, row_to_dict
from callrouter.printable import json_text, storable
from callrouter.storage.engine import ReadSession

_CALLS = sa.table("calls", *(sa.column(name) for name in COLUMNS))
_READ_AT_ONCE = 500
_MASKED = 7
"""Characters that a number has, at the least, of which the middle is masked."""
_ENDS = 2
"""Characters at each end that a mask leaves."""
_SOUGHT = ("caller", "called", "caller_number", "called_number", "number")


@dataclass(slots=True, kw_only=True, frozen=True)
class Filter:
    """A filter of the calls to find. since, until: Unix seconds, until excluded. None means any.

    Texts are looked for as they are stored. caller, called: as sent. caller_number, called_number:
    the same as numbers are compared, "" when they are none. part: of the caller, or of who was
    called, "" for any. masked: look for `part` only where a mask of numbers hides nothing. before:
    start and id of a call that all found ones come after. of: the extension that made or answered
    the call. targets: by which its telephones are rung, too.
    """

    since: float | None = None
    until: float | None = None
    caller: str | None = None
    called: str | None = None
    number: str | None = None
    disposition: str | None = None
    caller_number: str = ""
    called_number: str = ""
    part: str = ""
    masked: bool = False
    before: tuple[float, str] | None = None
    of: str | None = None
    targets: tuple[str, ...] = ()

    def conditions(self) -> list[sa.ColumnElement[bool]]:
        """As SQL, to be joined by AND."""
        found: list[sa.ColumnElement[bool]] = []
        if self.since is not None:
            found.append(_CALLS.c.started >= self.since)
        if self.until is not None:
            found.append(_CALLS.c.started < self.until)
        for name in ("number", "disposition"):
            value = getattr(self, name)
            if value is not None:
                found.append(_CALLS.c[name] == storable(value))
        if self.caller is not None:
            found.append(_called_so("caller", storable(self.caller), self.caller_number))
        if self.called is not None:
            found.append(_called_so("called", storable(self.called), self.called_number))
        if self.part:
            sought = (_CALLS.c[name] for name in _SOUGHT)
            part = storable(self.part)
            has = _has_in_sight if self.masked else _has
            found.append(sa.or_(*(has(column, part) for column in sought)))
        if self.before is not None:
            started, last = self.before
            # The first of the two alone is what the index is asked for.
            found.append(_CALLS.c.started <= started)
            found.append((_CALLS.c.started < started) | (_CALLS.c.id < storable(last)))
        if self.of is not None:
            found.append(_of(storable(self.of), map(storable, self.targets)))
        return found


def _has(column: "sa.ColumnClause[Any]", part: str) -> sa.ColumnElement[bool]:
    return column.contains(part, autoescape=True)


def _has_in_sight(column: "sa.ColumnClause[Any]", part: str) -> sa.ColumnElement[bool]:
    """Whether a text has a part that stays when its numbers are masked: it is short, or so begins
    or ends.
    """
    found = (sa.func.length(column) < _MASKED) & _has(column, part)
    if len(part.removeprefix("+")) <= _ENDS:
        found |= column.startswith(part, autoescape=True)
    if len(part) <= _ENDS:
        found |= column.endswith(part, autoescape=True)
    return found


def _called_so(name: str, sent: str, number: str) -> sa.ColumnElement[bool]:
    """Whether a caller or a called one has a number, or was sent so."""
    if not number:
        return _CALLS.c[name] == sent
    known = _CALLS.c[f"{name}_number"]
    # Rows of an earlier version say only what was sent.
    unread = known.is_(None) | (known == "")
    return (known == number) | (unread & _CALLS.c[name].in_((sent, number)))


def _of(extension: str, targets: Iterable[str]) -> sa.ColumnElement[bool]:
    """Whether an extension made a call, was rung, or took it from a queue."""
    legs = (f'"target":{json_text(one)}' for one in (extension, *targets))
    return sa.literal(extension != "") & sa.or_(
        _CALLS.c.extension == extension,
        *(_CALLS.c.legs.contains(leg, autoescape=True) for leg in legs),
        _CALLS.c.queues.contains(f'"agent":{json_text(extension)}', autoescape=True),
    )


def newest(count: int, wanted: Filter) -> "sa.Select[Any]":
    """The query for the newest `count` calls that match, newest first; count 0 means all."""
    query = (
        sa.select(_CALLS)
        .where(*wanted.conditions())
        .order_by(_CALLS.c.started.desc(), _CALLS.c.id.desc())
    )
    return query.limit(count) if count else query


class CdrQuery(ReadSession):
    """The database of calls, open for reading: it is never changed."""

    def last(self, count: int, wanted: Filter) -> Iterator[dict[str, Any]]:
        """The newest `count` calls that match, newest first, as `row_to_dict` shapes them.

        count 0 means all. They are read as they are taken, so memory does not grow with them.
        """
        query = newest(count, wanted)
        with self._engine.connect() as connection:
            stream = connection.execution_options(yield_per=_READ_AT_ONCE)
            for row in stream.execute(query):
                yield row_to_dict(tuple(row))

    def one(self, id: str) -> dict[str, Any] | None:
        """The call with this record id."""
        with self._engine.connect() as connection:
            wanted = sa.select(_CALLS).where(_CALLS.c.id == storable(id))
            row = connection.execute(wanted).first()
        return None if row is None else row_to_dict(tuple(row))

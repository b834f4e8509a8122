"""The records of calls, as the console searches them: the newest first, a page at a time."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final, NamedTuple

from callrouter.operations.extension_states import ListExtensions, list_extensions
from callrouter.operations.operation import BadValueError, OperationError
from callrouter.storage.cdr_query import CdrQuery, Filter
from callrouter.web.access.roles import WebIdentity
from callrouter.web.core.asked_server import AskedServer
from callrouter.web.core.masking import masked_values

MOST: Final = 200
_ORDER: Final = "~"
"""Between the parts of a cursor: the start of the last call, and its id."""
_FRESH_SECONDS: Final = 60.0


class Page(NamedTuple):
    """A page of records. next: the cursor of the page after it, "" for none."""

    records: list[dict[str, Any]]
    next: str


class OwnTargets:
    """The targets of an agent's extension, whose calls are the agent's own.

    They are asked of the server, and a minute old at most while it answers.
    """

    def __init__(self, server: AskedServer) -> None:
        self._server = server
        self._known: dict[str, tuple[float, tuple[str, ...]]] = {}

    def of(self, who: WebIdentity) -> tuple[str, ...]:
        """Those of somebody who sees their own calls alone; none for others."""
        own, now = who.only_own, time.monotonic()
        if not own:
            return ()
        asked, targets = self._known.get(own, (0.0, ()))
        if own not in self._known or now - asked > _FRESH_SECONDS:
            try:
                found = self._server.ask(list_extensions, ListExtensions(extension=own)).extensions
                targets = tuple(target for one in found for target in one.targets)
            except OperationError:
                pass  # without the server they stay what they were
            self._known[own] = (now, targets)
        return targets


class RecordSearch:
    """The database of records, opened for each question: it may be replaced at any time.

    Raises StoreError when it cannot be read.
    """

    def __init__(self, url: str, targets_of: Callable[[WebIdentity], tuple[str, ...]]) -> None:
        """targets_of: an agent's extension, by which its telephones are rung."""
        self._url = url
        self._targets_of = targets_of

    def page(self, who: WebIdentity, wanted: Filter, cursor: str, most: int) -> Page:
        """A page of what somebody may see. Raises BadValueError for no cursor of ours."""
        masked = not who.sees_numbers
        own, targets = who.only_own, self._targets_of(who)
        wanted = replace(wanted, before=_read(cursor), masked=masked, of=own, targets=targets)
        with CdrQuery(self._url) as calls:
            found = list(calls.last(most + 1, wanted))
        last = found[most - 1] if len(found) > most else None
        after = "" if last is None else f"{last['started']!r}{_ORDER}{last['id']}"
        return Page([_for(who, one) for one in found[:most]], after)

    def one(self, who: WebIdentity, id: str) -> dict[str, Any] | None:
        """One record, None when there is none, or none that somebody may see."""
        with CdrQuery(self._url) as calls:
            found = calls.one(id)
        if found is None or not self._may_see(who, found):
            return None
        return _for(who, found)

    def _may_see(self, who: WebIdentity, record: dict[str, Any]) -> bool:
        """Whether somebody may see a call: all, or those that one's extension made or answered."""
        own = who.only_own
        if own is None:
            return True
        rung = (own, *self._targets_of(who))
        return bool(own) and (
            record["extension"] == own
            or any(leg["target"] in rung for leg in record["legs"])
            or any(wait["agent"] == own for wait in record["queues"])
        )


def _for(who: WebIdentity, record: dict[str, Any]) -> dict[str, Any]:
    masked: dict[str, Any] = record if who.sees_numbers else masked_values(record)
    return masked


def _read(cursor: str) -> tuple[float, str] | None:
    if not cursor:
        return None
    started, _, last = cursor.partition(_ORDER)
    try:
        return float(started), last
    except ValueError:
        wanted = "the `next` of the page before"
        raise BadValueError(f"cursor: expected {wanted}", "cursor", wanted) from None

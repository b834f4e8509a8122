"""The calls to replay: records of calls that were, or a table that somebody wrote.

A table is CSV with a line of column names: `to`, and what there is of `from`, `to_header`,
`to_ext`, `at`, `trunk` and `source`. What `callrouter cdr --csv` writes is such a table too.
"""

import csv
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from callrouter.errors import ConfigError, Diagnostic
from callrouter.observe.cdr.rows import COLUMNS
from callrouter.outcomes import USUAL_TIME
from callrouter.route.rules.compiled_dialplan import Dialplan
from callrouter.route.values.facts import Facts
from callrouter.storage.cdr_query import CdrQuery, Filter
from callrouter.yamlfile.wording import shown, suggestion

_COLUMNS: Final = ("from", "to", "to_header", "to_ext", "at", "trunk", "source")
_RECORDED: Final = {"caller": "from", "called": "to", "started": "at"}
# What else a table of records has; a call that comes in has none of it.
_LATER: Final = frozenset(COLUMNS)


def from_records(database: str, since: float | None) -> Iterator[Facts]:
    """Give the calls of a database, newest first. Raises StoreError. since: Unix seconds."""
    with CdrQuery(database) as calls:
        for call in calls.last(0, Filter(since=since)):
            yield _recorded(call)


def _recorded(call: dict[str, Any]) -> Facts:
    # The record has one field for both ways to name an extension; either finds the same one.
    return Facts(
        call["trunk"],
        call["source"],
        call["caller"],
        call["called"],
        call["to_header"],
        at=call["started"],
        extension=call["extension"] or "",
    )


def from_csv(path: Path, dialplan: Dialplan, zone: str) -> Iterator[Facts]:
    """Give the calls of a table. Raises ConfigError at the first line that is none.

    dialplan: tells the trunk of a source. zone: the time zone of times without one.
    """
    file = str(path)
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            yield from _Table(file, stream, dialplan, zone).calls()
    except OSError as error:
        raise ConfigError([Diagnostic(f"cannot be read: {error.strerror}", file)]) from error
    except UnicodeDecodeError as error:
        raise ConfigError([Diagnostic("expected UTF-8 text", file)]) from error
    except csv.Error as error:
        raise ConfigError([Diagnostic(f"not CSV: {error}", file)]) from error


class _Table:
    """One table while it is read."""

    def __init__(self, file: str, stream: Iterable[str], dialplan: Dialplan, zone: str) -> None:
        self._file = file
        self._rows = csv.reader(stream)
        self._dialplan = dialplan
        self._zone = ZoneInfo(zone)
        self._trunk = next(iter(dialplan.trunks))

    def calls(self) -> Iterator[Facts]:
        columns = self._columns(next(self._rows, []))
        for row in self._rows:
            if not row:
                continue
            if len(row) != len(columns):
                raise self._wrong(f"expected {len(columns)} values, found {len(row)}")
            # A cell of `cdr --csv` that a spreadsheet would run as a formula has an apostrophe.
            values = {
                name: value.removeprefix("'") for name, value in zip(columns, row, strict=True)
            }
            yield self._facts(values, columns)

    def _columns(self, row: list[str]) -> list[str]:
        columns = []
        for number, written in enumerate(row):
            name = _RECORDED.get(written, written)
            if name not in _COLUMNS and name not in _LATER:
                hint = suggestion(written, _COLUMNS) or f"; expected {', '.join(_COLUMNS)}"
                raise self._wrong(f"no column is named {shown(written)}{hint}", number + 1)
            columns.append(name)
        if "to" not in columns:
            raise self._wrong("the column 'to' is missing")
        return columns

    def _facts(self, values: dict[str, str], columns: list[str]) -> Facts:
        source = values.get("source", "")
        trunk = values.get("trunk", "")
        if not trunk:
            origin = self._dialplan.trunk_of(source) if source else None
            trunk = origin.name if origin is not None else "" if source else self._trunk
        at = USUAL_TIME.replace(tzinfo=self._zone).timestamp()
        if values.get("at"):
            at = self._time(values["at"], columns.index("at") + 1)
        return Facts(
            trunk=trunk,
            source=source,
            caller=values.get("from", ""),
            called=values["to"],
            to_user=values.get("to_header", ""),
            to_ext=values.get("to_ext", ""),
            at=at,
            extension=self._dialplan.telephone_of(trunk, values.get("from", "")),
        )

    def _time(self, text: str, column: int) -> float:
        try:
            return float(text)
        except ValueError:
            pass
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            wanted = "a time such as 2026-03-07 12:01, or Unix seconds"
            raise self._wrong(f"expected {wanted}, found {shown(text)}", column) from None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=self._zone)
        return moment.timestamp()

    def _wrong(self, message: str, column: int = 1) -> ConfigError:
        """Make the error for a place; its column is counted in cells."""
        line = max(self._rows.line_num, 1)
        return ConfigError([Diagnostic(message, self._file, line, column)])

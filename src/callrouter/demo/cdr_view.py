"""A call's record for 80 columns; `callrouter cdr ID` shows all of it and needs 140."""

from datetime import datetime
from typing import Any, Final

from rich.table import Table

from callrouter.observe.cdr.rows import COLUMNS, LISTS
from callrouter.observe.cdr_export import Call, result_of

_LEG: Final = ("target", "started_ms", "progress_ms", "answered_ms", "ended_ms", "status", "cause")


def verdicts(call: Call) -> Table:
    """One line for each rule that was looked at, in that order, and where it stands."""
    table = _table("rule", "result", "value", "why", "where")
    for rule in call["trace"]:
        result = result_of(rule)
        colour = {"passed": "green", "refused": "red"}.get(result, "dim")
        place = f"{rule['file']}:{rule['line']}"
        table.add_row(rule["rule"], f"[{colour}]{result}[/]", rule["value"], rule["why"], place)
    return table


def legs(call: Call) -> Table:
    """One line for each target that was tried; times in ms from the start of the call."""
    table = _table(*(name.removesuffix("_ms") for name in _LEG), "result")
    for leg in call["legs"]:
        table.add_row(*(_shown(leg[name]) for name in (*_LEG, "result")))
    return table


def facts(call: Call) -> Table:
    """Every other column that has a value, two in a line."""
    table = Table.grid(padding=(0, 2))
    for style in ("bold", "", "bold", ""):
        table.add_column(style=style)
    started = datetime.fromtimestamp(call["started"]).astimezone().isoformat(" ", "seconds")
    known = [("started", started)] + [
        (name, _shown(call[name]))
        for name in COLUMNS
        if name not in {"started", *LISTS} and call[name] not in {None, ""}
    ]
    half = (len(known) + 1) // 2
    for index in range(half):
        pair = known[index::half]
        table.add_row(*(text for column in pair for text in column))
    return table


def _table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading, overflow="fold", no_wrap=heading == "where")
    return table


def _shown(value: Any) -> str:
    return "-" if value is None else str(value)

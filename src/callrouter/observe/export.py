"""Calls as CSV, as JSON, and as people read them at a terminal.

What a peer wrote stands in many of these values: a terminal gets escapes for what is not printable,
and a spreadsheet gets no formula.
"""

import csv
import re
from collections.abc import Iterable
from datetime import datetime
from typing import IO, Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from callrouter.observe.cdr import COLUMNS, LISTS
from callrouter.printable import brief, json_text, printable

Call = dict[str, Any]
"""One call, as `callrouter.observe.cdr.row_to_dict` shapes it."""

# What a spreadsheet runs, the wide forms of these signs too; +8675612345 is none of it.
_FORMULA = re.compile(r"\s*(?:[=@\uff1d\uff20]|[+\-\uff0b\u2212\uff0d](?!\d+$))")


def write_json(calls: Iterable[Call], out: IO[str]) -> None:
    """One JSON array of all calls, one call a line."""
    before = "[\n"
    for call in calls:
        out.write(before + json_text(call))
        before = ",\n"
    out.write("[]\n" if before == "[\n" else "\n]\n")


def write_csv(calls: Iterable[Call], out: IO[str]) -> None:
    """A line of column names, then one for each call; lists are JSON in their cell.

    A cell that a spreadsheet would run as a formula starts with an apostrophe; a number with its
    plus is none. What is not printable is an escape.
    """
    table = csv.writer(out, lineterminator="\n")
    table.writerow(COLUMNS)
    for call in calls:
        table.writerow([_cell(call[name]) for name in COLUMNS])


def calls_table(calls: Iterable[Call]) -> Table:
    """One line for each call: when, who, whom, how it ended and which legs it had."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("started", "id", "caller", "called", "number", "disposition"):
        table.add_column(heading, no_wrap=True)
    table.add_column("status", justify="right")
    table.add_column("talk", justify="right")
    table.add_column("legs", overflow="fold")
    for call in calls:
        table.add_row(
            _local(call["started"], "seconds")[:19],
            *(_text(call[name]) for name in ("id", "caller", "called", "number", "disposition")),
            str(call["status"]),
            _talk(call),
            _text(
                ", ".join(
                    f"{leg['target']} {leg['status'] or leg['result']}" for leg in call["legs"]
                )
            ),
        )
    return table


def call_detail(call: Call) -> Group:
    """One call in full: its facts, its legs, and what the rules said of it."""
    facts = Table(box=None, pad_edge=False, show_header=False)
    facts.add_column(style="bold")
    facts.add_column(overflow="fold")
    facts.add_row("started", _local(call["started"], "milliseconds"))
    for name in COLUMNS:
        if name not in {"started", *LISTS} and call[name] not in {None, ""}:
            facts.add_row(name, Text(printable(str(call[name]))))
    if call["answered_ms"] is not None:
        facts.add_row("talk", _talk(call))
    for name in ("voicemail", "recordings"):
        for kept in call[name]:
            seconds = f"{kept['ms'] / 1000:.1f}s"
            facts.add_row(name, _text(f"{kept['of']} {seconds} {kept['result']} {kept['id']}"))
    return Group(
        facts,
        "",
        _sheet("Legs (ms from the start of the call)", _LEG_HEADINGS, call["legs"]),
        "",
        _sheet("Rules", _RULE_HEADINGS, [_verdict(rule) for rule in call["trace"]]),
    )


_LEG_HEADINGS = (
    *("target", "uri", "started_ms", "progress_ms", "answered_ms", "ended_ms"),
    *("status", "cause", "result"),
)
_RULE_HEADINGS = ("result", "rule", "value", "why", "where")


def result_of(rule: dict[str, Any]) -> str:
    """Say what a rule did to a call: it passed, it refused it, or it was not asked."""
    # Records of before there were results tell only whether it took effect.
    known: str = rule.get("result") or ("passed" if rule["matched"] else "not_asked")
    return known.replace("_", " ")


def _verdict(rule: dict[str, Any]) -> dict[str, Any]:
    return rule | {
        "result": result_of(rule),
        "where": f"{rule['file']}:{rule['line']}",
    }


def _sheet(title: str, headings: tuple[str, ...], entries: list[dict[str, Any]]) -> Table:
    sheet = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        sheet.add_column(heading.removesuffix("_ms"), overflow="fold")
    for entry in entries:
        sheet.add_row(*(_text(entry[heading]) for heading in headings))
    return sheet


def _cell(value: object) -> object:
    if isinstance(value, list):
        return json_text(value)
    if isinstance(value, str):
        return f"'{printable(value)}" if _FORMULA.match(value) else printable(value)
    return value


def _text(value: object) -> Text:
    """A Text and not a str, which rich would search for its own markup."""
    return Text("-" if value is None else brief(str(value)))


def _local(started: float, precision: str) -> str:
    return datetime.fromtimestamp(started).astimezone().isoformat(" ", precision)


def _talk(call: Call) -> str:
    if call["answered_ms"] is None:
        return "-"
    return f"{(call['ended_ms'] - call['answered_ms']) / 1000:.1f}s"

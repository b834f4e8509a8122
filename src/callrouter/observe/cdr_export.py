"""Calls as CSV, as JSON, and as people read them at a terminal.

What a peer wrote stands in many of these values: a terminal gets escapes for what is not printable,
and a spreadsheet gets no formula.
"""

import csv
from collections.abc import Callable, Iterable
from typing import IO, Any

from callrouter.observe.cdr.rows import COLUMNS, LISTS
from callrouter.observe.terminal_table import Column, screen_width, table
from callrouter.printable import inert, json_text

Call = dict[str, Any]
"""One call, as `callrouter.observe.cdr.rows.row_to_dict` shapes it."""

Written = Callable[[float, str], str]
"""How a Unix time is written, to the precision that isoformat knows by this name."""


def write_json(calls: Iterable[Call], out: IO[str]) -> None:
    """One JSON array of all calls, one call a line."""
    before = "[\n"
    for call in calls:
        out.write(before + json_text(call))
        before = ",\n"
    out.write("[]\n" if before == "[\n" else "\n]\n")


def write_csv(calls: Iterable[Call], out: IO[str]) -> None:
    """A line of column names, then one for each call; lists are JSON in their cell.

    Text is as `printable.inert` has it.
    """
    table = csv.writer(out, lineterminator="\n")
    table.writerow(COLUMNS)
    for call in calls:
        table.writerow([_cell(call[name]) for name in COLUMNS])


def calls_table(calls: Iterable[Call], written: Written) -> str:
    """One line for each call: when, who, whom, how it ended, why, its waits and its legs."""
    width = screen_width()
    narrow = width is not None and width < _WIDE
    rows = [
        {
            **call,
            "started": _without_year(written(call["started"], "minutes"))
            if narrow
            else written(call["started"], "seconds")[:19],
            "talk": _talk(call),
            "legs": ", ".join(
                [f"queue {wait['queue']} {wait['outcome']}" for wait in call["queues"]]
                + [f"{leg['target']} {leg['status'] or leg['result']}" for leg in call["legs"]]
            ),
        }
        for call in calls
    ]
    return table(rows, _CALLS)


def _without_year(moment: str) -> str:
    return moment[5:16] if moment[4:5] == "-" else moment[:11]  # a time past all calendars


def call_detail(call: Call, written: Written) -> str:
    """One call in full: its facts, its legs, what was heard, and what the rules said of it."""
    facts = {"started": written(call["started"], "milliseconds")}
    facts |= {
        name: str(call[name])
        for name in COLUMNS
        if name not in {"started", *LISTS} and call[name] not in {None, ""}
    }
    if call["answered_ms"] is not None:
        facts["talk"] = _talk(call)
    rows = [{"": name, " ": value} for name, value in facts.items()]
    for name in ("voicemail", "recordings"):
        for kept in call[name]:
            seconds = f"{kept['ms'] / 1000:.1f}s"
            rows.append({"": name, " ": f"{kept['of']} {seconds} {kept['result']} {kept['id']}"})
    for wait in call["queues"]:
        seconds = f"{((wait['left_ms'] or 0) - wait['joined_ms']) / 1000:.1f}s"
        said = " ".join(filter(None, (wait["queue"], seconds, wait["outcome"], wait["agent"])))
        rows.append({"": "queue", " ": said})
    legs = [
        {heading.name: leg[_IN_MS.get(heading.name, heading.name)] for heading in _LEGS}
        for leg in call["legs"]
    ]
    parts = [
        table(rows, _FACTS).lstrip("\n "),
        table(legs, _LEGS, "Legs (ms from the start of the call)"),
    ]
    if call["charges"]:
        parts.append(table(charge_rows(call), _CHARGES, "Charges"))
    if call["heard"]:
        parts.append(table(call["heard"], _HEARD, "Heard and pressed (ms from the start)"))
    parts.append(table([_verdict(rule) for rule in call["trace"]], _RULES, "Rules"))
    return "\n\n".join(parts)


_WIDE = 110
"""Columns from which on a list of calls has room for whole dates."""
_LONGEST = 200
"""Characters of a value in the detail; `--json` has all."""
_CALLS = (
    Column("started"),
    Column("id", most=60),
    *(Column(name, 10, most=24) for name in ("caller", "called")),
    Column("number", 10, spare=4, most=24),
    Column("disposition"),
    Column("reason", 6, spare=1, most=32),
    Column("status", spare=3, right=True),
    Column("talk", spare=2, right=True),
    Column("legs", 20, spare=5, folds=True, most=_LONGEST),
)
_FACTS = (Column(""), Column(" ", 20, folds=True, most=_LONGEST))
_IN_MS = {f"{name}": f"{name}_ms" for name in ("started", "progress", "answered", "ended")}
_LEGS = (
    Column("target", 8, folds=True),
    Column("uri", 9, folds=True, most=_LONGEST),
    *(Column(name) for name in ("started", "progress", "answered", "ended", "status", "cause")),
    Column("result", 8, folds=True),
)
_CHARGES = (
    Column("leg", 8, folds=True),
    Column("plan", 8, folds=True),
    Column("rate", 8, folds=True),
    Column("seconds", right=True),
    Column("cost", right=True),
    Column("blocks", 20, folds=True, most=_LONGEST),
)
_HEARD = (Column("ms"), Column("what"), Column("which", 20, folds=True, most=_LONGEST))
_RULES = (
    Column("result"),
    Column("rule", 12, folds=True, most=_LONGEST),
    Column("value", 10, folds=True, most=_LONGEST),
    Column("why", 16, folds=True, most=_LONGEST),
    Column("where", 14, folds=True, most=_LONGEST),
)


def result_of(rule: dict[str, Any]) -> str:
    """Say what a rule did to a call: it passed, it refused it, or it was not asked."""
    # Records of before there were results tell only whether it took effect.
    known: str = rule.get("result") or ("passed" if rule["matched"] else "not_asked")
    return known.replace("_", " ")


def charge_rows(call: Call) -> list[dict[str, Any]]:
    """What each leg of a call is charged, with the leg and the blocks in words."""
    return [_charge(one, call["legs"]) for one in call["charges"]]


def _charge(charge: dict[str, Any], legs: list[dict[str, Any]]) -> dict[str, Any]:
    blocks = [
        f"{run['count']} x {run['seconds']} s at {run['price']}"
        + (f" ({run['period']})" if run["period"] else "")
        for run in charge["blocks"]
    ]
    if charge["fee"].strip("0."):
        blocks.insert(0, f"fee {charge['fee']}")
    leg = "inbound" if charge["leg"] is None else legs[charge["leg"]]["target"]
    return {**charge, "leg": leg, "blocks": " + ".join(blocks)}


def _verdict(rule: dict[str, Any]) -> dict[str, Any]:
    return rule | {
        "result": result_of(rule),
        "where": f"{rule['file']}:{rule['line']}",
    }


def _cell(value: object) -> object:
    if isinstance(value, list):
        return json_text(value)
    return inert(value) if isinstance(value, str) else value


def _talk(call: Call) -> str:
    if call["answered_ms"] is None:
        return "-"
    return f"{(call['ended_ms'] - call['answered_ms']) / 1000:.1f}s"

"""`callrouter rerate`: what calls that were cost by today's rate plans, and what differs."""

import csv
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import click

from callrouter.commands.moments import CLOCKS, on_clocks, zone_of_settings
from callrouter.commands.moments import since as since_of
from callrouter.commands.options import config_option
from callrouter.commands.rate import named_plan, plans_of
from callrouter.observe.cdr.rerating import Differences, PlanDifference, RatedCall, rerated
from callrouter.observe.terminal_table import Column, table
from callrouter.printable import inert, json_text
from callrouter.rating.rate_plan import RatePlans
from callrouter.settings.settings_file import load_settings
from callrouter.storage.cdr_charges import ChargedCalls

_BATCH: Final = 1000
_COLUMNS: Final = (
    Column("number", 10, most=33),
    Column("plan", 8, most=64),
    Column("currency"),
    *(Column(name, right=True) for name in ("calls", "changed", "before", "after", "difference")),
)
_CHANGES: Final = (
    *("id", "started", "number", "rate_plan"),
    *("currency_before", "cost_before", "currency", "cost", "difference"),
)


@click.command()
@click.option("--since", help=f"Only calls since 2026-03-01, or 15m, 2h, 7d ago. {CLOCKS}")
@click.option("--until", help="Only calls that began before then.")
@click.option("--number", help="Only calls to this number of the dialplan, exactly.")
@click.option(
    "--plan",
    help="Charge the number by this rate plan, not by the one of that time; with --number.",
)
@click.option(
    *("--plans", "file"),
    type=click.Path(path_type=Path),
    help="The file of rate plans.  [default: that of the dialplan of the settings]",
)
@click.option("--apply", is_flag=True, help="Write what calls cost now into their records.")
@click.option("--json", "as_json", is_flag=True, help="The table as a JSON array.")
@click.option("--csv", "as_csv", is_flag=True, help="CSV with a line for each call that changes.")
@config_option
@click.option("--database", help="The database itself: sqlite:///calls.db.")
def rerate(
    since: str | None,
    until: str | None,
    number: str | None,
    plan: str | None,
    file: Path | None,
    apply: bool,
    as_json: bool,
    as_csv: bool,
    config: Path,
    database: str | None,
) -> None:
    """Charge the calls in the records anew, and show what would cost more or less.

    Each leg is charged by the rate plan that its record names, as it is today. What has none that
    is still there stays as it is. Nothing is written without --apply.
    """
    if as_json and as_csv:
        raise click.UsageError("--json and --csv exclude each other")
    if plan is not None and number is None:
        raise click.UsageError("--plan needs --number")
    plans = plans_of(config, file)
    if plan is not None:
        named_plan(plans, plan)
    zone = zone_of_settings(config)
    begin = None if since is None else since_of("--since", since, zone)
    end = None if until is None else since_of("--until", until, zone)
    changes = csv.writer(sys.stdout, lineterminator="\n") if as_csv else None
    with ChargedCalls(database or load_settings(config).records.database) as calls:
        rows = calls.read(begin, end, number)
        found = _rerated(rows, plans, plan or "")
        differences = _compare(found, changes, calls.write if apply else None)
    if as_json:
        click.echo(json_text([_row(one) for one in differences], indent=True))
    elif not as_csv:
        _show(differences, apply)


def _rerated(rows: Iterator[Sequence[Any]], plans: RatePlans, plan: str) -> Iterator[RatedCall]:
    for row in rows:
        call = rerated(row, plans, plan)
        if call is not None:
            yield call


def _compare(
    found: Iterator[RatedCall],
    changes: Any,
    write: Callable[[Sequence[RatedCall]], None] | None,
) -> list[PlanDifference]:
    """Go through all calls. changes: the CSV for those that change. write: takes them."""
    differences = Differences()
    waiting: list[RatedCall] = []
    if changes is not None:
        changes.writerow(_CHANGES)
    for call in found:
        differences.add(call)
        if not call.changed:
            continue
        if changes is not None:
            changes.writerow(_change(call))
        if write is not None:
            waiting.append(call)
            if len(waiting) == _BATCH:
                write(waiting)
                waiting = []
    if write is not None and waiting:
        write(waiting)
    return differences.all()


def _change(call: RatedCall) -> list[object]:
    before, after = call.costs
    now = call.before if call.after is None else call.after
    difference = f"{after - before:f}" if call.before.currency in {None, now.currency} else ""
    return [
        *(call.id, on_clocks(call.started), inert(call.number), inert(call.rate_plan)),
        *(call.before.currency, call.before.cost, now.currency, now.cost, difference),
    ]


def _row(one: PlanDifference) -> dict[str, object]:
    difference = one.difference
    return {
        "number": one.number,
        "plan": one.rate_plan,
        "currency": one.currency,
        "calls": one.calls,
        "changed": one.changed,
        "gone": one.gone,
        "before": f"{one.before:f}",
        "after": f"{one.after:f}",
        "difference": None if difference is None else f"{difference:f}",
    }


def _show(found: list[PlanDifference], applied: bool) -> None:
    rows = [{**_row(one), "difference": _signed(one)} for one in found]
    click.echo(table(rows, _COLUMNS))
    calls, changed = sum(one.calls for one in found), sum(one.changed for one in found)
    gone = sum(one.gone for one in found)
    if gone:
        click.echo(f"{gone} calls stay as they are: their rate plan is not in the file any more")
    told = "were written anew" if applied else "would be written anew; --apply does it"
    click.echo(f"{calls} calls with a rate plan, of which {changed} {told}")


def _signed(one: PlanDifference) -> str:
    return "" if one.difference is None else f"{one.difference:+f}"

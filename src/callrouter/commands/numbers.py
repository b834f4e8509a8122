"""`callrouter numbers`: which numbers take calls, what each is, and what became of it."""

from pathlib import Path

import click

from callrouter.billing.number_attributes import NumberAttributes
from callrouter.billing.number_lives import CHANGES
from callrouter.commands.asking import last_option, moment, put, table
from callrouter.commands.options import json_and_config
from callrouter.operations.numbers import (
    ManagedNumber,
    ManagedNumbers,
    NumberHistory,
    change_number,
    list_numbers,
    set_number,
    show_number,
)


@click.group()
def numbers() -> None:
    """Show the lives of the running server's numbers, and change them."""


@numbers.command("list")
@json_and_config
def list_(as_json: bool, config: Path) -> None:
    """Show all numbers that have a life, and what of the dialplan has none."""
    put(config, list_numbers, {}, as_json, _list)


@numbers.command()
@click.argument("number")
@last_option
@json_and_config
def show(number: str, last: int, as_json: bool, config: Path) -> None:
    """Show NUMBER, by its key in the dialplan, and who changed it when."""
    put(config, show_number, {"number": number, "most": last}, as_json, _show)


@numbers.command()
@click.argument("change", type=click.Choice(CHANGES))
@click.argument("number")
@click.option("--working-days", type=int, help="With reserve: how long.  [default: 2]")
@click.option("--seconds", type=float, help="With disconnect: time to undo.  [default: 86400]")
@click.option("--who", default="operator", show_default=True, help="Who does it.")
@click.option("--note", default="", help="Why.")
@json_and_config
def change(
    change: str,
    number: str,
    working_days: int | None,
    seconds: float | None,
    who: str,
    note: str,
    as_json: bool,
    config: Path,
) -> None:
    """Change the life of NUMBER: reserve, activate, suspend, resume, disconnect, undo or reclaim.

    What is disconnected can be undone for a day; then it is gone, and cannot be connected again for
    three months.
    """
    asked: dict[str, object] = {
        "number": number,
        "change": change,
        "who": who,
        "note": note,
        "working_days": working_days,
        "seconds": seconds,
    }
    put(config, change_number, asked, as_json, _one)


@numbers.command("set")
@click.argument("number")
@click.option("--line", help="carrier or virtual; a virtual number never calls out.")
@click.option("--kind", help='local, mobile or toll_free; "" for none.')
@click.option("--country", help="By two letters: CN.")
@click.option("--name", help="Shown to people.")
@click.option("--groups", help="Permissions that may show it, by commas; all, or none.")
@click.option("--widget/--no-widget", default=None, help="Offered where people click to call.")
@click.option("--who", default="operator", show_default=True, help="Who does it.")
@click.option("--note", default="", help="Why.")
@json_and_config
def set_(
    number: str,
    groups: str | None,
    as_json: bool,
    config: Path,
    **asked: object,
) -> None:
    """Say what NUMBER is, and whose calls may show it; what is not named stays."""
    named = None if groups is None else [] if groups == "none" else groups.split(",")
    put(config, set_number, {"number": number, "groups": named, **asked}, as_json, _one)


def _list(answer: ManagedNumbers) -> None:
    table([_row(it) for it in answer.numbers], "number", "state", "since", "until", "routed", "is")


def _one(answer: ManagedNumber) -> None:
    table([_row(answer)], "number", "state", "since", "until", "routed", "is")


def _show(answer: NumberHistory) -> None:
    _one(answer.number)
    click.echo()
    rows = [{**it.model_dump(), "when": moment(it.at)} for it in answer.changes]
    table(rows, "when", "state", "who", "note")


def _row(it: ManagedNumber) -> dict[str, object]:
    since, until = (moment(at) if at else "" for at in (it.since, it.until))
    routed = "yes" if it.routed else "nowhere"
    return {
        "number": it.number,
        "state": it.state,
        "since": since,
        "until": until,
        "routed": routed,
        "is": str(_attributes(it)),
    }


def _attributes(it: ManagedNumber) -> NumberAttributes:
    return NumberAttributes(
        number=it.number,
        line=it.line,
        kind=it.kind,
        country=it.country,
        name=it.name,
        groups=None if it.groups is None else tuple(it.groups),
        widget=it.widget,
    )

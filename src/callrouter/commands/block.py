"""`callrouter block` and `barrings`: callers that are refused, extensions that are kept at home."""

from pathlib import Path

import click

from callrouter.commands.asking import and_more, last_option, moment, put, table
from callrouter.commands.options import for_option, json_and_config
from callrouter.operations.barrings import BarringList, lift_barring, list_barrings
from callrouter.operations.blocks import (
    BlockAdded,
    BlockList,
    BlockRemoved,
    add_block,
    list_blocks,
    remove_block,
)

_number_option = click.option("--number", help="At this number only, by its key in the dialplan.")


@click.group()
def block() -> None:
    """List, add or remove blocked callers of the running server."""


@block.command("list")
@click.option("--caller", help="Only what refuses this caller.")
@last_option
@json_and_config
def list_(caller: str | None, last: int, as_json: bool, config: Path) -> None:
    """Show who is blocked, the newest first."""
    put(config, list_blocks, {"caller": caller, "most": last}, as_json, _show)


@block.command()
@click.argument("caller")
@_number_option
@for_option
@json_and_config
def add(
    caller: str, number: str | None, seconds: float | None, as_json: bool, config: Path
) -> None:
    """Block CALLER, at all numbers or at one.

    CALLER is written as in a list: a whole number such as +8613800138000, a short one such as 4001,
    or first digits such as 0898* or the area code 0898; or as a tel or SIP URI. First digits
    without a 0 or + block short numbers, too.
    """
    put(
        config, add_block, {"caller": caller, "number": number, "seconds": seconds}, as_json, _added
    )


@block.command()
@click.argument("caller")
@_number_option
@json_and_config
def remove(caller: str, number: str | None, as_json: bool, config: Path) -> None:
    """Release CALLER where all numbers refuse them, or at one number, and forget their calls."""
    put(config, remove_block, {"caller": caller, "number": number}, as_json, _removed)


@click.group()
def barrings() -> None:
    """Show the extensions of the running server that may not call abroad, and lift that."""


@barrings.command("list")
@json_and_config
def list_barred(as_json: bool, config: Path) -> None:
    """Show who is barred, and what a guard against fraud has found."""
    put(config, list_barrings, {}, as_json, _barred)


@barrings.command()
@click.argument("extension")
@json_and_config
def lift(extension: str, as_json: bool, config: Path) -> None:
    """EXTENSION may call abroad again, as far as its permission goes."""
    put(config, lift_barring, {"extension": extension}, as_json, _barred)


def _show(answer: BlockList) -> None:
    rows = [
        {
            "caller": it.caller,
            "number": it.number or "all",
            "until": moment(it.until),
            "why": "by hand" if it.by_hand else "called too often",
        }
        for it in answer.blocks
    ]
    table(rows, "caller", "number", "until", "why")
    and_more(answer.all - len(rows))
    for one in answer.lists:
        click.echo(f"refused by the list {one.list} of the dialplan: it {one.why}")


def _added(answer: BlockAdded) -> None:
    until = f"until {moment(answer.until)}" if answer.until else "until removed"
    callers, verb = _named(answer), "are" if answer.callers[1:] else "is"
    click.echo(f"{callers} {verb} blocked at {answer.number or 'all numbers'} {until}")


def _removed(answer: BlockRemoved) -> None:
    click.echo(f"{_named(answer)} may call {answer.number or 'again'}")


def _named(answer: BlockRemoved) -> str:
    """Name all that one text blocks: first digits such as 5* are those of short numbers, too."""
    return " and ".join(answer.callers)


def _barred(answer: BarringList) -> None:
    rows = [
        {"extension": it.extension, "since": moment(it.since), "why": it.why}
        for it in answer.barred
    ]
    table(rows, "extension", "since", "why")

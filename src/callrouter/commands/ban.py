"""`callrouter ban`: the addresses that are not heard, because they did wrong or by hand."""

from pathlib import Path

import click

from callrouter.commands.asking import DurationType, and_more, json_option, moment, put, table
from callrouter.commands.options import config_option
from callrouter.operations.bans import (
    BanAdded,
    BannedAddresses,
    BanRemoved,
    add_ban,
    list_bans,
    remove_ban,
)
from callrouter.operations.operation import MOST


@click.group()
def ban() -> None:
    """List, add or remove banned addresses of the running server."""


@ban.command("list")
@click.option("--last", default=100, show_default=True, type=click.IntRange(1, MOST))
@json_option
@config_option
def list_(last: int, as_json: bool, config: Path) -> None:
    """Show who is banned, the newest first."""
    put(config, list_bans, {"most": last}, as_json, _show)


@ban.command()
@click.argument("address")
@click.option(
    "--for", "seconds", type=DurationType(), help="So long: 90s, 15m, 2h, 1d.  [default: ever]"
)
@json_option
@config_option
def add(address: str, seconds: float | None, as_json: bool, config: Path) -> None:
    """Hear ADDRESS no more; of IPv6 its /64."""
    put(config, add_ban, {"address": address, "seconds": seconds}, as_json, _added)


@ban.command()
@click.argument("address")
@json_option
@config_option
def remove(address: str, as_json: bool, config: Path) -> None:
    """Hear ADDRESS again, and forget what it did."""
    put(config, remove_ban, {"address": address}, as_json, _removed)


def _show(answer: BannedAddresses) -> None:
    rows = [{"address": it.address, "until": moment(it.until), "why": it.why} for it in answer.bans]
    table(rows, "address", "until", "why")
    and_more(answer.all - len(rows))


def _added(answer: BanAdded) -> None:
    until = f"until {moment(answer.until)}" if answer.until else "until removed"
    click.echo(f"{answer.address} is banned {until}")


def _removed(answer: BanRemoved) -> None:
    click.echo(f"{answer.address} is heard again")

"""`callrouter ban`: the addresses that are not heard, because they did wrong or by hand."""

from pathlib import Path

import click

from callrouter.commands.asking import and_more, last_option, moment, put, table
from callrouter.commands.options import for_option, json_and_config
from callrouter.operations.bans import (
    BanAdded,
    BannedAddresses,
    BanRemoved,
    add_ban,
    list_bans,
    remove_ban,
)


@click.group()
def ban() -> None:
    """List, add or remove banned addresses of the running server."""


@ban.command("list")
@last_option
@json_and_config
def list_(last: int, as_json: bool, config: Path) -> None:
    """Show who is banned, the newest first."""
    put(config, list_bans, {"most": last}, as_json, _show)


@ban.command()
@click.argument("address")
@for_option
@json_and_config
def add(address: str, seconds: float | None, as_json: bool, config: Path) -> None:
    """Hear ADDRESS no more; of IPv6 its /64."""
    put(config, add_ban, {"address": address, "seconds": seconds}, as_json, _added)


@ban.command()
@click.argument("address")
@json_and_config
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

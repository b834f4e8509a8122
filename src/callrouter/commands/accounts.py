"""`callrouter accounts`: who pays for calls, what is left, and the ledger."""

from pathlib import Path

import click

from callrouter.commands.asking import last_option, moment, put, table
from callrouter.commands.moments import CLOCKS, span, zone_of_settings
from callrouter.commands.moments import moment as read_moment
from callrouter.commands.options import json_and_config
from callrouter.operations.accounts import (
    AccountList,
    AccountStanding,
    AccountStatement,
    adjust_account,
    buy_package,
    list_accounts,
    resume_account,
    show_account,
    suspend_account,
    top_up,
)

_COLUMNS = ("account", "currency", "balance", "reserved", "credit", "state")
_reference = click.option("--reference", help="Of who pays: it is booked once.")
_who = click.option("--who", default="operator", show_default=True, help="Who does it.")


@click.group()
def accounts() -> None:
    """Show the accounts of the running server, and pay in, adjust, suspend and resume."""


@accounts.command("list")
@json_and_config
def list_(as_json: bool, config: Path) -> None:
    """Show all accounts."""
    put(config, list_accounts, {}, as_json, _list)


@accounts.command()
@click.argument("account")
@last_option
@json_and_config
def show(account: str, last: int, as_json: bool, config: Path) -> None:
    """Show ACCOUNT with its ledger and what became of it, the newest first."""
    put(config, show_account, {"account": account, "most": last}, as_json, _show)


@accounts.command("top-up")
@click.argument("account")
@click.argument("amount")
@_reference
@_who
@click.option("--note", default="", help="What it is for.")
@json_and_config
def top_up_(
    account: str,
    amount: str,
    reference: str | None,
    who: str,
    note: str,
    as_json: bool,
    config: Path,
) -> None:
    """Book AMOUNT as paid into ACCOUNT."""
    asked: dict[str, object] = {
        "account": account,
        "amount": amount,
        "reference": reference,
        "who": who,
        "note": note,
    }
    put(config, top_up, asked, as_json, _one)


@accounts.command()
@click.argument("account")
@click.argument("amount")
@click.option("--note", required=True, help="Why.")
@_reference
@_who
@json_and_config
def adjust(
    account: str,
    amount: str,
    note: str,
    reference: str | None,
    who: str,
    as_json: bool,
    config: Path,
) -> None:
    """Correct the balance of ACCOUNT by AMOUNT; write `-- -5` to take away."""
    asked: dict[str, object] = {
        "account": account,
        "amount": amount,
        "reference": reference,
        "who": who,
        "note": note,
    }
    put(config, adjust_account, asked, as_json, _one)


@accounts.command()
@click.argument("account")
@click.argument("time")
@click.option("--price", required=True, help="What it costs, paid from the balance; 0 for none.")
@click.option("--expires", required=True, help=f"When: 2027-01-01. {CLOCKS}")
@_reference
@_who
@click.option("--note", default="", help="What it is for.")
@json_and_config
def buy(
    account: str,
    time: str,
    price: str,
    expires: str,
    reference: str | None,
    who: str,
    note: str,
    as_json: bool,
    config: Path,
) -> None:
    """Sell ACCOUNT a package of TIME, such as 6000m or 100h, that calls use before money."""
    seconds = span(time)
    if seconds is None:
        raise click.BadParameter("expected a time, such as 6000m or 100h", param_hint="TIME")
    asked: dict[str, object] = {
        "account": account,
        "seconds": seconds,
        "price": price,
        "expires": read_moment("--expires", expires, zone_of_settings(config)).timestamp(),
        "reference": reference,
        "who": who,
        "note": note,
    }
    put(config, buy_package, asked, as_json, _one)


@accounts.command()
@click.argument("account")
@_who
@json_and_config
def suspend(account: str, who: str, as_json: bool, config: Path) -> None:
    """Refuse the calls of ACCOUNT, whatever its balance; those in progress go on."""
    put(config, suspend_account, {"account": account, "who": who}, as_json, _one)


@accounts.command()
@click.argument("account")
@_who
@json_and_config
def resume(account: str, who: str, as_json: bool, config: Path) -> None:
    """Let ACCOUNT pay for calls again that was suspended by hand."""
    put(config, resume_account, {"account": account, "who": who}, as_json, _one)


def _list(answer: AccountList) -> None:
    table([_row(it) for it in answer.accounts], *_COLUMNS)


def _one(answer: AccountStanding) -> None:
    table([_row(answer)], *_COLUMNS)


def _show(answer: AccountStatement) -> None:
    _one(answer.account)
    click.echo()
    if answer.packages:
        bought = [
            {**it.model_dump(), "package": it.name, "expires": moment(it.expires)}
            for it in answer.packages
        ]
        table(bought, "package", "seconds", "left", "expires", "price")
        click.echo()
    table(
        [{**it.model_dump(), "when": moment(it.at)} for it in answer.ledger],
        *("when", "amount", "kind", "booking", "who", "note"),
    )
    if answer.events:
        click.echo()
        rows = [{**it.model_dump(), "when": moment(it.at)} for it in answer.events]
        table(rows, "when", "what", "balance", "who")


def _row(it: AccountStanding) -> dict[str, object]:
    state = "suspended by hand" if it.held else it.state
    return {
        **it.model_dump(),
        "account": it.name,
        "credit": "any" if it.credit is None else it.credit,
        "state": state,
    }

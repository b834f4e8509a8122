"""`callrouter callbacks`: who is to be called back, by hand too."""

from pathlib import Path

import click

from callrouter.commands.asking import last_option, moment, put, table
from callrouter.commands.options import json_and_config
from callrouter.operations.call_backs import (
    CallBackList,
    CallBackStatus,
    add_call_back,
    cancel_call_back,
    list_call_backs,
)


@click.group()
def callbacks() -> None:
    """Show who is to be called back by the running server, and add or cancel call-backs."""


@callbacks.command("list")
@last_option
@json_and_config
def list_(last: int, as_json: bool, config: Path) -> None:
    """Show who is to be called back, and who was: the last missed first."""
    put(config, list_call_backs, {"most": last}, as_json, _show)


@callbacks.command()
@click.argument("rule")
@click.argument("caller")
@click.option("--number", required=True, help="The number of the dialplan that is shown.")
@json_and_config
def add(rule: str, caller: str, number: str, as_json: bool, config: Path) -> None:
    """Call CALLER back by a RULE of the dialplan, as soon as an agent is free."""
    values: dict[str, object] = {"rule": rule, "caller": caller, "number": number}
    put(config, add_call_back, values, as_json, _added)


@callbacks.command()
@click.argument("id")
@json_and_config
def cancel(id: str, as_json: bool, config: Path) -> None:
    """Call back no more. An attempt that is under way ends, but no conversation does."""
    put(config, cancel_call_back, {"id": id}, as_json, _cancelled)


def _added(answer: CallBackStatus) -> None:
    click.echo(f"{answer.caller} is called back, as {answer.id}")


def _cancelled(answer: CallBackStatus) -> None:
    click.echo(f"{answer.caller} is called back no more")


def _show(answer: CallBackList) -> None:
    rows = [
        {
            "id": it.id,
            "caller": it.caller,
            "number": it.number,
            "rule": it.rule,
            "missed": moment(it.missed_at),
            "state": it.state,
            "next": moment(it.due) if it.state == "waiting" else "",
            "attempts": it.attempts,
            "why": it.why.replace("_", " "),
        }
        for it in answer.call_backs
    ]
    table(rows, "id", "caller", "number", "rule", "missed", "state", "next", "attempts", "why")

"""`callrouter barrings`: extensions that guards against fraud let call abroad no more."""

from pathlib import Path

import click

from callrouter.commands.asking import moment, put, table
from callrouter.commands.options import json_and_config
from callrouter.operations.barrings import BarringList, lift_barring, list_barrings


@click.group()
def barrings() -> None:
    """Show the extensions of the running server that may not call abroad, and lift that."""


@barrings.command("list")
@json_and_config
def list_(as_json: bool, config: Path) -> None:
    """Show who is barred, and what a guard against fraud has found."""
    put(config, list_barrings, {}, as_json, _show)


@barrings.command()
@click.argument("extension")
@json_and_config
def lift(extension: str, as_json: bool, config: Path) -> None:
    """EXTENSION may call abroad again, as far as its permission goes."""
    put(config, lift_barring, {"extension": extension}, as_json, _show)


def _show(answer: BarringList) -> None:
    rows = [
        {"extension": it.extension, "since": moment(it.since), "why": it.why}
        for it in answer.barred
    ]
    table(rows, "extension", "since", "why")

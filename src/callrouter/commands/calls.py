"""`callrouter calls`: the calls in progress."""

from pathlib import Path

import click

from callrouter.commands.asking import Answer, json_option, put, table
from callrouter.commands.options import config_option
from callrouter.operations.requests import MOST, ListCalls


@click.command()
@click.option("--last", default=100, show_default=True, type=click.IntRange(1, MOST))
@json_option
@config_option
def calls(last: int, as_json: bool, config: Path) -> None:
    """Show the calls in progress of the running server, the newest first."""
    put(config, ListCalls, {"most": last}, as_json, _show)


def _show(answer: Answer) -> None:
    rows = [{**call, "for": f"{call['seconds']:.0f}s"} for call in answer["calls"]]
    table(rows, "id", "caller", "called", "number", "state", "for")
    if answer["all"] > len(rows):
        click.echo(f"and {answer['all'] - len(rows)} more")

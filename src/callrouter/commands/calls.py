"""`callrouter calls`: the calls in progress."""

from pathlib import Path

import click

from callrouter.commands.asking import and_more, json_option, put, table
from callrouter.commands.options import config_option
from callrouter.operations.calls import CallList, list_calls
from callrouter.operations.operation import MOST


@click.command()
@click.option("--last", default=100, show_default=True, type=click.IntRange(1, MOST))
@json_option
@config_option
def calls(last: int, as_json: bool, config: Path) -> None:
    """Show the calls in progress of the running server, the newest first."""
    put(config, list_calls, {"most": last}, as_json, _show)


def _show(answer: CallList) -> None:
    rows = [{**call.model_dump(), "for": f"{call.seconds:.0f}s"} for call in answer.calls]
    table(rows, "id", "caller", "called", "number", "state", "for")
    and_more(answer.all - len(rows))

"""`callrouter media`: the workers of the media pool."""

from pathlib import Path

import click

from callrouter.commands.asking import Answer, json_option, put, table
from callrouter.commands.options import config_option
from callrouter.operations.requests import ShowMedia

_COLUMNS = ("name", "state", "pid", "port", "slots", "used", "calls", "players", "recorders")


@click.command()
@json_option
@config_option
def media(as_json: bool, config: Path) -> None:
    """Show the media workers of the running server, and what they hold."""
    put(config, ShowMedia, {}, as_json, _show)


def _show(answer: Answer) -> None:
    if answer["missing"]:
        click.echo(f"no media: {answer['missing']}")
        return
    nothing = dict.fromkeys(_COLUMNS, "")  # a worker that starts has not said anything
    rows = [
        {**nothing, **worker, "for": f"{worker['seconds']:.0f}s", "MB": _megabytes(worker)}
        for worker in answer["workers"]
    ]
    table(rows, *_COLUMNS, "MB", "for")
    lost = sum(answer["lost"].values())
    click.echo(
        f"{answer['used']} of {answer['slots']} slots in use; "
        f"{answer['refused']} reservations refused, {lost} workers lost"
    )


def _megabytes(worker: Answer) -> str:
    return f"{worker['rss'] / 2**20:.0f}" if "rss" in worker else ""

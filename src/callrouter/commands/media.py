"""`callrouter media`: the workers of the media pool."""

from pathlib import Path

import click

from callrouter.commands.asking import json_option, put, table
from callrouter.commands.options import config_option
from callrouter.operations.running_server import MediaPoolStatus, MediaWorker, show_media

_COLUMNS = ("name", "state", "pid", "port", "slots", "used", "calls", "players", "recorders")


@click.command()
@json_option
@config_option
def media(as_json: bool, config: Path) -> None:
    """Show the media workers of the running server, and what they hold."""
    put(config, show_media, {}, as_json, _show)


def _show(answer: MediaPoolStatus[list[MediaWorker]]) -> None:
    if answer.missing:
        click.echo(f"no media: {answer.missing}")
        return
    nothing = dict.fromkeys(_COLUMNS, "")  # a worker that starts has not said anything
    rows = [
        {
            **nothing,
            **worker.model_dump(exclude_none=True),
            "for": f"{worker.seconds:.0f}s",
            "MB": "" if worker.rss is None else f"{worker.rss / 2**20:.0f}",
        }
        for worker in answer.workers
    ]
    table(rows, *_COLUMNS, "MB", "for")
    click.echo(
        f"{answer.used} of {answer.slots} slots in use; "
        f"{answer.refused} reservations refused, {sum(answer.lost.values())} workers lost"
    )

"""`callrouter media`, `registrations` and `reload`: what a running server has to say."""

from pathlib import Path
from typing import Final

import click

from callrouter.commands.asking import and_more, moment, put, table
from callrouter.commands.options import json_and_config
from callrouter.operations.registrations import RegistrationList, list_registrations
from callrouter.operations.running_server import (
    MediaPoolStatus,
    MediaWorker,
    ReloadResult,
    reload_dialplan,
    show_media,
)

_RELOAD_SECONDS: Final = 600.0
_KEYS: Final = 20
_WORKER: Final = ("name", "state", "pid", "port", "slots", "used", "calls", "players", "recorders")


@click.command()
@json_and_config
def media(as_json: bool, config: Path) -> None:
    """Show the media workers of the running server, and what they hold."""
    put(config, show_media, {}, as_json, _show_media)


def _show_media(answer: MediaPoolStatus[list[MediaWorker]]) -> None:
    if answer.missing:
        click.echo(f"no media: {answer.missing}")
        return
    nothing = dict.fromkeys(_WORKER, "")  # a worker that starts has not said anything
    rows = [
        {
            **nothing,
            **worker.model_dump(exclude_none=True),
            "for": f"{worker.seconds:.0f}s",
            "MB": "" if worker.rss is None else f"{worker.rss / 2**20:.0f}",
        }
        for worker in answer.workers
    ]
    table(rows, *_WORKER, "MB", "for")
    click.echo(
        f"{answer.used} of {answer.slots} slots in use; "
        f"{answer.refused} reservations refused, {sum(answer.lost.values())} workers lost"
    )


@click.command()
@json_and_config
def registrations(as_json: bool, config: Path) -> None:
    """Show the telephones registered with the running server, and its own registrations."""
    put(config, list_registrations, {}, as_json, _show_registrations)


def _show_registrations(answer: RegistrationList) -> None:
    phones = [
        {**it.model_dump(), "for": f"{it.left}s", "rings": "yes" if it.reachable else "no"}
        for it in answer.phones
    ]
    table(phones, "extension", "contact", "source", "for", "rings", "agent")
    and_more(answer.all - len(phones))
    if answer.gateways:
        click.echo()
        rows = [{**it.model_dump(), "for": f"{it.left}s"} for it in answer.gateways]
        table(rows, "gateway", "address", "state", "for", "why")


@click.command()
@json_and_config
def reload(as_json: bool, config: Path) -> None:
    """Load the dialplan again and serve new calls by it; calls in progress keep theirs.

    With a mistake in it nothing changes: each is printed, and the exit code is 1.
    """
    put(config, reload_dialplan, {}, as_json, _show_reload, _RELOAD_SECONDS)


def _show_reload(answer: ReloadResult) -> None:
    if answer.before == answer.serving:
        click.echo(f"dialplan {answer.serving} serves already; nothing has changed since")
        if answer.last is None:
            return
        answer = answer.last
        click.echo(f"it was loaded at {moment(answer.at)}: {answer.why}")
    click.echo(f"dialplan {answer.serving} serves new calls (before: {answer.before})")
    for name, numbers in answer.numbers:
        count: int = getattr(answer, name)
        keys = ", ".join(numbers[:_KEYS])
        more = ", ..." if count > _KEYS else ""
        click.echo(f"numbers {name}: {count}" + (f"  ({keys}{more})" if count else ""))

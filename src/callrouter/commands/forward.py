"""`callrouter forward`: calls of an extension go on to another, or to a number outside."""

from pathlib import Path
from typing import Final

import click

from callrouter.commands.asking import put, table
from callrouter.commands.options import json_and_config
from callrouter.operations.forwards import (
    ForwardList,
    clear_forward,
    list_forwards,
    set_forward,
)
from callrouter.route.values.snapshot import FORWARDS

_WHEN: Final = click.Choice(FORWARDS)


@click.group()
def forward() -> None:
    """Say where calls of extensions of the running server go on to."""


@forward.command("set")
@click.argument("extension")
@click.argument("when", type=_WHEN)
@click.argument("to")
@json_and_config
def set_(extension: str, when: str, to: str, as_json: bool, config: Path) -> None:
    """Calls of EXTENSION go on to TO: an extension, a number outside, or "" for nowhere.

    WHEN: all at once, when busy, or on no_answer.
    """
    values: dict[str, object] = {"extension": extension, "when": when, "to": to}
    put(config, set_forward, values, as_json, _show)


@forward.command()
@click.argument("extension")
@click.argument("when", type=_WHEN)
@json_and_config
def clear(extension: str, when: str, as_json: bool, config: Path) -> None:
    """Calls of EXTENSION go as the dialplan says."""
    put(config, clear_forward, {"extension": extension, "when": when}, as_json, _show)


@forward.command("list")
@json_and_config
def list_(as_json: bool, config: Path) -> None:
    """Show where calls go on to, and whether the dialplan says so or it was switched."""
    put(config, list_forwards, {}, as_json, _show)


def _show(answer: ForwardList) -> None:
    rows = [it.model_dump() for it in answer.forwards]
    table(rows, "extension", "when", "to", "said_by")

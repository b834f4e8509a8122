"""`callrouter presence`: extensions that are away are not rung."""

from pathlib import Path

import click

from callrouter.commands.asking import put, table
from callrouter.commands.options import json_and_config
from callrouter.operations.presence import (
    PresenceList,
    clear_presence,
    list_presence,
    set_presence,
)


@click.group()
def presence() -> None:
    """Say which extensions of the running server are away."""


@presence.command("set")
@click.argument("extension")
@click.argument("reason", default="away")
@json_and_config
def set_(extension: str, reason: str, as_json: bool, config: Path) -> None:
    """EXTENSION is away; REASON is shown in the records of calls for it: on a break, on leave."""
    put(config, set_presence, {"extension": extension, "reason": reason}, as_json, _show)


@presence.command()
@click.argument("extension")
@json_and_config
def clear(extension: str, as_json: bool, config: Path) -> None:
    """EXTENSION is back."""
    put(config, clear_presence, {"extension": extension}, as_json, _show)


@presence.command("list")
@json_and_config
def list_(as_json: bool, config: Path) -> None:
    """Show who is away, and why."""
    put(config, list_presence, {}, as_json, _show)


def _show(answer: PresenceList) -> None:
    table([it.model_dump() for it in answer.away], "extension", "reason")

"""`callrouter override`: schedules switched by hand, such as "closed today"."""

import time
from pathlib import Path

import click

from callrouter.commands.asking import moment, put, table
from callrouter.commands.moments import CLOCKS, zone_of_settings
from callrouter.commands.moments import moment as read
from callrouter.commands.options import DurationType, json_and_config
from callrouter.operations.overrides import (
    OverrideList,
    clear_override,
    list_overrides,
    set_override,
)


@click.group()
def override() -> None:
    """Switch schedules of the running server open or closed, whatever their hours say."""


@override.command("set")
@click.argument("schedule")
@click.argument("state", type=click.Choice(["open", "closed"]))
@click.option("--until", help=f'2026-03-01T17:30, "Mon 08:30". {CLOCKS}  [default: until cleared]')
@click.option("--for", "seconds", type=DurationType(), help="So long: 90s, 15m, 2h, 1d.")
@json_and_config
def set_(
    schedule: str,
    state: str,
    until: str | None,
    seconds: float | None,
    as_json: bool,
    config: Path,
) -> None:
    """Switch SCHEDULE open or closed, and say for how long."""
    if until is not None and seconds is not None:
        raise click.UsageError("--until and --for exclude each other")
    end = 0.0
    if seconds is not None:
        end = time.time() + seconds
    elif until is not None:
        end = read("--until", until, zone_of_settings(config), ahead=True).timestamp()
    wanted: dict[str, object] = {"schedule": schedule, "open": state == "open", "until": end}
    put(config, set_override, wanted, as_json, _show)


@override.command()
@click.argument("schedule")
@json_and_config
def clear(schedule: str, as_json: bool, config: Path) -> None:
    """Let SCHEDULE follow its hours again."""
    put(config, clear_override, {"schedule": schedule}, as_json, _show)


@override.command("list")
@json_and_config
def list_(as_json: bool, config: Path) -> None:
    """Show which schedules are switched, and until when."""
    put(config, list_overrides, {}, as_json, _show)


def _show(answer: OverrideList) -> None:
    rows = [
        {
            "schedule": it.schedule,
            "state": "open" if it.open else "closed",
            "until": moment(it.until),
        }
        for it in answer.overrides
    ]
    table(rows, "schedule", "state", "until")

"""`callrouter override`: schedules switched by hand, such as "closed today"."""

import time
from datetime import datetime
from pathlib import Path

import click

from callrouter.commands.asking import Answer, Span, json_option, moment, put, table
from callrouter.commands.options import config_option
from callrouter.control.requests import ClearOverride, ListOverrides, SetOverride


class Until(click.ParamType[float]):
    """A moment as Unix seconds: `2026-03-01`, or `2026-03-01T17:30`; without offset local time."""

    name = "when"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Read one moment."""
        try:
            return datetime.fromisoformat(str(value)).timestamp()
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is not a time such as 2026-03-01T17:30", param)


@click.group()
def override() -> None:
    """Switch schedules of the running server open or closed, whatever their hours say."""


@override.command("set")
@click.argument("schedule")
@click.argument("state", type=click.Choice(["open", "closed"]))
@click.option("--until", type=Until(), help="2026-03-01T17:30.  [default: until cleared]")
@click.option("--for", "seconds", type=Span(), help="So long: 90s, 15m, 2h, 1d.")
@json_option
@config_option
def set_(
    schedule: str,
    state: str,
    until: float | None,
    seconds: float | None,
    as_json: bool,
    config: Path,
) -> None:
    """Switch SCHEDULE open or closed, and say for how long."""
    if until is not None and seconds is not None:
        raise click.UsageError("--until and --for exclude each other")
    end = time.time() + seconds if seconds is not None else until or 0.0
    wanted: dict[str, object] = {"schedule": schedule, "open": state == "open", "until": end}
    put(config, SetOverride, wanted, as_json, _show)


@override.command()
@click.argument("schedule")
@json_option
@config_option
def clear(schedule: str, as_json: bool, config: Path) -> None:
    """Let SCHEDULE follow its hours again."""
    put(config, ClearOverride, {"schedule": schedule}, as_json, _show)


@override.command("list")
@json_option
@config_option
def list_(as_json: bool, config: Path) -> None:
    """Show which schedules are switched, and until when."""
    put(config, ListOverrides, {}, as_json, _show)


def _show(answer: Answer) -> None:
    rows = [
        {
            "schedule": it["schedule"],
            "state": "open" if it["open"] else "closed",
            "until": moment(it["until"]),
        }
        for it in answer["overrides"]
    ]
    table(rows, "schedule", "state", "until")

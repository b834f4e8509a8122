"""Moments in options of commands, and in what they show: on the clocks of the dialplan."""

import datetime
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Final

import click

from callrouter.dialplan.grammar.typed_times import read_moment, zone_of
from callrouter.errors import ConfigError
from callrouter.settings.settings_file import load_settings
from callrouter.yamlfile.wording import shown

CLOCKS: Final = "Without an offset: on the clocks of the dialplan."
"""For the help of each option with a moment."""

Zone = Callable[[], datetime.tzinfo]
"""Asked when a text names no offset. Raises ConfigError."""

_SPAN: Final = re.compile(r"([0-9]{1,6})([smhd])")
_UNIT_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def zone_of_settings(config: Path) -> Zone:
    """Return how the time zone of the dialplan that settings name is found."""
    return lambda: zone_of(load_settings(config).dialplan)


def on_clocks(seconds: float, precision: str = "seconds") -> str:
    """Write a Unix time on the clocks of the dialplan that this command's settings name.

    Without such a dialplan, on those of this machine. precision: as isoformat has it. A time past
    all calendars, which tables of earlier versions may have, is the number that it is.
    """
    config = click.get_current_context().params["config"]
    try:
        moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
        return moment.astimezone(_clocks(config)).isoformat(" ", precision)
    except (OverflowError, ValueError):
        return f"{seconds:g}"


@cache
def _clocks(config: Path) -> datetime.tzinfo | None:
    try:
        return zone_of_settings(config)()
    except ConfigError:
        return None


def span(text: str) -> int | None:
    """Read how long, as seconds: `90s`, `15m`, `2h`, `1d`; None for any other text."""
    found = _SPAN.fullmatch(text)
    return None if found is None else int(found[1]) * _UNIT_SECONDS[found[2]]


def moment(option: str, text: str, zone: Zone, *, ahead: bool = False) -> datetime.datetime:
    """Read the moment of an option. Raises BadParameter, and what `zone` does.

    ahead: a time on a day of the week that has passed today is that of the next week.
    """
    return _read(option, text, zone, past=False, ahead=ahead)


def since(option: str, text: str, zone: Zone) -> float:
    """Read a moment that has passed, or so long ago, as Unix seconds. Raises as `moment` does."""
    ago = span(text)
    if ago is not None:
        return datetime.datetime.now().timestamp() - ago
    return _read(option, text, zone, past=True, ahead=False).timestamp()


def _read(option: str, text: str, zone: Zone, *, past: bool, ahead: bool) -> datetime.datetime:
    now = datetime.datetime.now(datetime.UTC)
    try:
        # Where an offset is written the dialplan is not asked, which may be large, or broken.
        found = read_moment(text, datetime.UTC, now, past=past)
        if not _has_offset(text):
            found = read_moment(text, zone(), now, past=past)
            if ahead and found <= now and not text[:1].isdigit():
                found += datetime.timedelta(days=7)
        found.timestamp()
    except (ValueError, OverflowError) as error:
        told = str(error) if isinstance(error, ValueError) else f"{shown(text)} is too far away"
        ago = ", or so long ago: 15m, 2h, 7d" if past else ""
        raise click.BadParameter(f"{told}{ago}", param_hint=option) from None
    return found


def _has_offset(text: str) -> bool:
    try:
        return datetime.datetime.fromisoformat(text.strip()).tzinfo is not None
    except ValueError:
        return False

"""Options that several commands share."""

import os
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Final

import click

from callrouter.commands.moments import span
from callrouter.dialplan.grammar.field_types import LONGEST_CALL_EVER
from callrouter.yamlfile.wording import shown

_USUAL: Final = (Path("callrouter.yaml"), Path("config/lab.yaml"))
"""Where settings are when nobody names them: what `callrouter init` wrote, and the lab of a clone,
in the working directory."""

_SECONDS: Final = re.compile(r"[0-9]{1,6}(\.[0-9]{1,9})?")

COUNT: Final = click.IntRange(0, 1_000_000_000)
"""How many rows of a table; a database counts no further than 64 bits."""


def _settings_file(_context: click.Context, _option: click.Parameter, named: Path | None) -> Path:
    """The settings file that was named, or the usual one; whether it is there, its reader says."""
    if named is not None:
        return named
    return next((path for path in _USUAL if os.path.isfile(path)), _USUAL[0])


class DurationType(click.ParamType[float]):
    """Length of time, as seconds: `90s`, `15m`, `2h`, `1d`."""

    name = "time"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Read one span."""
        text = str(value)
        seconds = span(text)
        if seconds is None:
            self.fail(f"{text!r} is not a time such as 90s, 15m, 2h or 1d", param)
        if not seconds:
            self.fail("expected more than nothing", param)
        return float(seconds)


class SecondsType(click.ParamType[Decimal]):
    """Length of a call in seconds, whole or with a point."""

    name = "seconds"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Decimal:
        """Read one."""
        text = str(value)
        if _SECONDS.fullmatch(text) is None or Decimal(text) > LONGEST_CALL_EVER:
            wanted = f"seconds from 0 to {LONGEST_CALL_EVER}, such as 61 or 61.5"
            self.fail(f"expected {wanted}, found {shown(text)}", param)
        return Decimal(text)


SECONDS: Final = SecondsType()

for_option = click.option(
    "--for", "seconds", type=DurationType(), help="So long: 90s, 15m, 2h, 1d.  [default: ever]"
)
config_option = click.option(
    "--config",
    type=click.Path(path_type=Path),
    envvar="CALLROUTER_CONFIG",
    show_envvar=True,
    callback=_settings_file,
    help="The settings file.  [default: callrouter.yaml here, else config/lab.yaml]",
)

_json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object.")


def json_and_config(command: Callable[..., None]) -> Callable[..., None]:
    """Give `--json` and `--config` to a command that shows what a server or its files say."""
    return _json_option(config_option(command))

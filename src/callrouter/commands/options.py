"""Options that several commands share."""

import os
from pathlib import Path
from typing import Final

import click

_USUAL: Final = (Path("callrouter.yaml"), Path("config/lab.yaml"))
"""Where settings are when nobody names them: what `callrouter init` wrote, and the lab of a clone,
in the working directory."""

COUNT: Final = click.IntRange(0, 1_000_000_000)
"""How many rows of a table; a database counts no further than 64 bits."""


def _settings_file(_context: click.Context, _option: click.Parameter, named: Path | None) -> Path:
    """The settings file that was named, or the usual one; whether it is there, its reader says."""
    if named is not None:
        return named
    return next((path for path in _USUAL if os.path.isfile(path)), _USUAL[0])


config_option = click.option(
    "--config",
    type=click.Path(path_type=Path),
    envvar="CALLROUTER_CONFIG",
    show_envvar=True,
    callback=_settings_file,
    help="The settings file.  [default: callrouter.yaml here, else config/lab.yaml]",
)

"""Options that several commands share."""

from pathlib import Path

import click

config_option = click.option(
    "--config",
    type=click.Path(path_type=Path),
    envvar="CALLROUTER_CONFIG",
    default="config/lab.yaml",
    show_default=True,
    help="The settings file.",
)

"""`callrouter check`: find what is wrong with a dialplan before it goes live."""

from pathlib import Path

import click

from callrouter.commands.options import config_option
from callrouter.config import load_settings
from callrouter.dialplan.compiler import load_dialplan


@click.command()
@click.argument("dialplan", required=False, type=click.Path(path_type=Path))
@config_option
def check(dialplan: Path | None, config: Path) -> None:
    """Check DIALPLAN, or the settings file and the dialplan it names.

    Every mistake is printed as file:line:column with what was expected; the exit code is 2 then.
    """
    path = dialplan if dialplan is not None else load_settings(config).dialplan
    plan = load_dialplan(path)
    click.echo(f"{path}: ok, {len(plan.numbers)} numbers, version {plan.version}")

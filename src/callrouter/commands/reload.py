"""`callrouter reload`: put a changed dialplan live while calls go on."""

from pathlib import Path
from typing import Final

import click

from callrouter.commands.asking import json_option, moment, put
from callrouter.commands.options import config_option
from callrouter.operations.running_server import ReloadResult, reload_dialplan

_SECONDS: Final = 600.0
_SHOWN: Final = 20


@click.command()
@json_option
@config_option
def reload(as_json: bool, config: Path) -> None:
    """Load the dialplan again and serve new calls by it; calls in progress keep theirs.

    With a mistake in it nothing changes: each is printed, and the exit code is 1.
    """
    put(config, reload_dialplan, {}, as_json, _show, _SECONDS)


def _show(answer: ReloadResult) -> None:
    if answer.before == answer.serving:
        click.echo(f"dialplan {answer.serving} serves already; nothing has changed since")
        if answer.last is None:
            return
        answer = answer.last
        click.echo(f"it was loaded at {moment(answer.at)}: {answer.why}")
    click.echo(f"dialplan {answer.serving} serves new calls (before: {answer.before})")
    for name, numbers in answer.numbers:
        count: int = getattr(answer, name)
        keys = ", ".join(numbers[:_SHOWN])
        more = ", ..." if count > _SHOWN else ""
        click.echo(f"numbers {name}: {count}" + (f"  ({keys}{more})" if count else ""))

"""`callrouter reload`: put a changed dialplan live while calls go on."""

from pathlib import Path
from typing import Final

import click

from callrouter.commands.asking import Answer, json_option, moment, put
from callrouter.commands.options import config_option
from callrouter.operations.requests import Reload

_SECONDS: Final = 600.0
_SHOWN: Final = 20


@click.command()
@json_option
@config_option
def reload(as_json: bool, config: Path) -> None:
    """Load the dialplan again and serve new calls by it; calls in progress keep theirs.

    With a mistake in it nothing changes: each is printed, and the exit code is 1.
    """
    put(config, Reload, {}, as_json, _show, _SECONDS)


def _show(answer: Answer) -> None:
    if answer["before"] == answer["serving"]:
        click.echo(f"dialplan {answer['serving']} serves already; nothing has changed since")
        if "last" not in answer:
            return
        answer = answer["last"]
        click.echo(f"it was loaded at {moment(answer['at'])}: {answer['why']}")
    click.echo(f"dialplan {answer['serving']} serves new calls (before: {answer['before']})")
    for name in ("added", "removed", "altered"):
        count = answer[name]
        keys = ", ".join(answer["numbers"][name][:_SHOWN])
        more = ", ..." if count > _SHOWN else ""
        click.echo(f"numbers {name}: {count}" + (f"  ({keys}{more})" if count else ""))

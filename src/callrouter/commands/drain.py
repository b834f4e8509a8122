"""`callrouter drain`: let the running calls finish, take no new ones, and stop."""

import os
import select
from pathlib import Path
from typing import Final

import click

from callrouter.api.client import ControlError, ask, watch
from callrouter.commands.options import config_option
from callrouter.errors import CommandError
from callrouter.operations.operation import NoValues
from callrouter.operations.running_server import (
    ServerStatus,
    cancel_drain,
    show_status,
    start_drain,
)
from callrouter.settings.settings_file import load_settings

_LOOK_SECONDS: Final = 1.0


@click.command()
@click.option("--cancel", is_flag=True, help="Take new calls again.")
@config_option
def drain(cancel: bool, config: Path) -> None:
    """Have the running server take no new calls, and wait until its last call and itself end.

    New calls get 503. However long a call takes, it is not cut short: that is what SIGTERM does
    after `limits.drain`. Ending this command does not end the drain; --cancel does.
    """
    control = load_settings(config).control
    if cancel:
        ask(control, cancel_drain, NoValues())
        click.echo("new calls are taken again")
        return
    server = watch(control)
    try:
        left = ask(control, start_drain, NoValues()).calls
        click.echo(f"no new calls are taken; in progress: {left}")
        while not _ended(server):
            found = _status(control)
            if found is None:
                if server is None:
                    break
                continue
            if not found.draining:
                raise CommandError("the drain was cancelled: new calls are taken again")
            if found.calls != left:
                left = found.calls
                click.echo(f"in progress: {left}")
    except KeyboardInterrupt:
        raise CommandError(
            "given up; the server goes on draining: callrouter drain --cancel ends that"
        ) from None
    finally:
        if server is not None:
            os.close(server)
    click.echo("the server has stopped")


def _ended(server: int | None) -> bool:
    """Wait for the server's end, for a moment; where it cannot be seen, only for the moment."""
    seen = [] if server is None else [server]
    return bool(select.select(seen, [], [], _LOOK_SECONDS)[0])


def _status(control: Path) -> ServerStatus | None:
    """How it is, None once it has shut its socket."""
    try:
        return ask(control, show_status, NoValues())
    except ControlError:
        return None

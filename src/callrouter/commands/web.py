"""`callrouter web`: the console and the API, in a process of their own."""

import os
import socket
import sys
from pathlib import Path
from typing import Final

import click

from callrouter.app.privileges import become, keep_to_ourselves
from callrouter.app.web_process import listening
from callrouter.commands.options import config_option
from callrouter.errors import CommandError
from callrouter.observe.log import open_log
from callrouter.settings.settings_file import Settings, load_settings
from callrouter.settings.web_console import WebSettings
from callrouter.web.access.accounts_database import open_accounts
from callrouter.web.access.people import People
from callrouter.web.access.roles import ROLES

_NICE: Final = 5
"""Calls go first where both want the processor."""


@click.command()
@click.option(
    "--invite",
    type=click.Choice(list(ROLES)),
    help="Only print a link by which somebody with this role signs up; good once, and for a day.",
)
@click.option("--extension", default="", help="Whose calls an invited agent sees.")
@click.option("--socket", "descriptor", type=int, hidden=True, help="As `serve` gives it.")
@config_option
def web(invite: str | None, extension: str, descriptor: int | None, config: Path) -> None:
    """Serve the console and the API until SIGTERM or CTRL-C; `serve` does it by itself."""
    settings = load_settings(config)
    if extension and invite is None:
        raise click.UsageError("--extension is of somebody whom you --invite")
    if settings.web is None:
        raise CommandError(f"there is no 'web' in {config}")
    if settings.user is not None and os.geteuid() == 0:
        become(settings.user)
    keep_to_ourselves(others_enter=False)
    if invite is not None:
        secret = People(open_accounts(settings.web.database)).invite(invite, extension)
        click.echo(f"{settings.web.address}/invitation/{secret}")
        return
    _serve(settings, settings.web, config, descriptor)


def _serve(settings: Settings, web: WebSettings, config: Path, descriptor: int | None) -> None:
    # Here, because whoever only invites need not wait for them.
    from callrouter.web.http.site import Site  # noqa: PLC0415
    from callrouter.web.http_server import serve_site  # noqa: PLC0415

    sock = listening(web) if descriptor is None else socket.socket(fileno=descriptor)
    log = open_log(settings.log.format, settings.log.level)
    try:
        site = Site(settings, web, config)
        secret = site.people.invite_first()
        if secret:
            click.echo(f"the first administrator: {web.address}/invitation/{secret}")
        elif descriptor is None:
            click.echo(f"the console: {web.address}")
        sys.stdout.flush()
        os.nice(_NICE)  # not before all is loaded, for which browsers wait
        serve_site(site, sock, log, None if descriptor is None else sys.stdin.fileno())
    finally:
        log.close()

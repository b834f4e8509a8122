"""`callrouter serve`: run the server in the foreground."""

import os
import resource
from pathlib import Path

import click
import uvloop
from sqlalchemy import make_url

from callrouter.commands.options import config_option
from callrouter.config import Settings, load_settings
from callrouter.dialplan.compiler import load_dialplan
from callrouter.listening import Listen
from callrouter.media.prompts import prepare
from callrouter.observe.log import Log, open_log
from callrouter.private import Claims
from callrouter.privileges import become, keep_to_ourselves
from callrouter.route.dialplan import Dialplan
from callrouter.secret import secret_files, weaknesses
from callrouter.server import Server
from callrouter.sip.uri import host_port


@click.command()
@config_option
def serve(config: Path) -> None:
    """Answer calls until SIGTERM or CTRL-C, then let the running ones finish."""
    settings = load_settings(config)
    _raise_file_limit()
    if settings.user is not None:
        become(settings.user)
    media = settings.media
    workers_differ = media.workers.max > 0 and media.user is not None and os.geteuid() == 0
    keep_to_ourselves(others_enter=workers_differ)
    first = [load_dialplan(settings.dialplan)]
    with Claims() as claims:
        _claim(claims, settings)
        if media.prompts is not None:
            prepare(first[0], media.prompts, sweep=True)
        log = open_log(settings.log.format, settings.log.level)
        _warn(settings, first[0], log)
        try:
            uvloop.run(_serve(settings, first, log))
        finally:
            log.close()


def _claim(claims: Claims, settings: Settings) -> None:
    """Have all that is written for ourselves, before any of it is touched. Raises ClaimError."""
    claims.folder("spool folder", settings.records.spool)
    claims.file("state file", Path(str(make_url(settings.state).database)))
    media = settings.media
    if media.workers.max:
        claims.folder("voicemail folder", media.voicemail)
        claims.folder("recordings folder", media.recordings)
        claims.folder("prompts folder", media.prompts_cache)


async def _serve(settings: Settings, first: list[Dialplan], log: Log) -> None:
    dialplan = first.pop()
    server = Server(settings, dialplan, log)
    greeting = _greeting(settings, dialplan)
    del dialplan  # only the server holds it from here on, and lets it go for the next one
    try:
        await server.start()
        click.echo(greeting)
        await server.run()
    finally:
        await server.close()


def _warn(settings: Settings, dialplan: Dialplan, log: Log) -> None:
    """Say what is not as safe as it could be."""
    if os.geteuid() == 0:
        log.warning("callrouter runs as root: name another user in `user`")
    keys: list[str | Path] = [*secret_files(dialplan)]
    if settings.tls is not None:
        options = settings.tls.options()
        keys += [own.key for own in (options.own, *options.by_name.values())]
    for file, what in weaknesses(keys):
        log.warning(what, file=file)


def _raise_file_limit() -> None:
    """Take as many file descriptors as this user may have: each connection is one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _where(listen: Listen) -> str:
    told = "" if listen.advertise is None else f" (as {host_port(*listen.advertise)})"
    return f"{listen.transport} {host_port(listen.host, listen.port)}{told}"


def _greeting(settings: Settings, dialplan: Dialplan) -> str:
    """What is served, where, and how to place a first call through it."""
    listens = ", ".join(_where(listen) for listen in settings.listen)
    metrics = host_port(settings.metrics.host, settings.metrics.port)
    lines = [
        f"callrouter listens on {listens}",
        f"dialplan {dialplan.version}: {settings.dialplan} ({len(dialplan.numbers)} numbers)",
        f"metrics  http://{metrics}/metrics",
    ]
    number = next((key for key in dialplan.numbers if key.isdigit()), None)
    plain = (listen for listen in settings.listen if listen.advertise is None)
    udp = next((listen for listen in plain if listen.transport == "udp"), None)
    if number is not None and udp is not None:
        place = host_port(udp.host, udp.port)
        lines += [
            "a first call:",
            f"  sipp -sn uas -i {udp.host} -p 5080 -m 1 -bg; "
            f"sipp -sn uac -m 1 -s {number} -i {udp.host} {place}",
        ]
    return "\n".join(lines)

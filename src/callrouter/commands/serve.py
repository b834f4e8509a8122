"""`callrouter serve`: run the server in the foreground."""

import os
import resource
from pathlib import Path

import click
import uvloop

from callrouter.commands.options import config_option
from callrouter.config import Settings, load_settings
from callrouter.dialplan.compiler import load_dialplan
from callrouter.listening import Listen
from callrouter.media.prompts import prepare
from callrouter.observe.log import Log, open_log
from callrouter.privileges import become, open_to_all, secret_files
from callrouter.route.dialplan import Dialplan
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
    first = [load_dialplan(settings.dialplan)]
    if settings.media.prompts is not None:
        prepare(first[0], settings.media.prompts, sweep=True)
    log = open_log(settings.log.format, settings.log.level)
    _warn(settings, first[0], log)
    try:
        uvloop.run(_serve(settings, first, log))
    finally:
        log.close()


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
    for file in open_to_all(keys):
        log.warning("every user of this machine can read a secret", file=file)


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

"""`callrouter serve`: run the server in the foreground."""

from pathlib import Path

import click
import uvloop

from callrouter.commands.options import config_option
from callrouter.config import Settings, load_settings
from callrouter.dialplan.compiler import load_dialplan
from callrouter.observe.log import Log, open_log
from callrouter.route.dialplan import Dialplan
from callrouter.server import Server
from callrouter.sip.uri import host_port


@click.command()
@config_option
def serve(config: Path) -> None:
    """Answer calls until SIGTERM or CTRL-C, then let the running ones finish."""
    settings = load_settings(config)
    first = [load_dialplan(settings.dialplan)]
    log = open_log(settings.log.format, settings.log.level)
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


def _greeting(settings: Settings, dialplan: Dialplan) -> str:
    """What is served, where, and how to place a first call through it."""
    listens = ", ".join(
        f"{listen.transport} {host_port(listen.host, listen.port)}" for listen in settings.listen
    )
    metrics = host_port(settings.metrics.host, settings.metrics.port)
    lines = [
        f"callrouter listens on {listens}",
        f"dialplan {dialplan.version}: {settings.dialplan} ({len(dialplan.numbers)} numbers)",
        f"metrics  http://{metrics}/metrics",
    ]
    number = next((key for key in dialplan.numbers if key.isdigit()), None)
    udp = next((listen for listen in settings.listen if listen.transport == "udp"), None)
    if number is not None and udp is not None:
        place = host_port(udp.host, udp.port)
        lines += [
            "a first call:",
            f"  sipp -sn uas -i {udp.host} -p 5080 -m 1 -bg; "
            f"sipp -sn uac -m 1 -s {number} -i {udp.host} {place}",
        ]
    return "\n".join(lines)

"""`callrouter serve`: run the server in the foreground."""

import os
import resource
import signal
import time
from collections.abc import Collection
from functools import partial
from ipaddress import ip_address
from itertools import islice
from pathlib import Path
from typing import Final

import click
import uvloop
from sqlalchemy import make_url

from callrouter.app.privileges import become, keep_to_ourselves
from callrouter.app.server import RELOADS, Server
from callrouter.app.web_process import WebProcess, listening
from callrouter.commands.options import config_option
from callrouter.dialplan.compile.compiler import load_dialplan
from callrouter.dialplan.grammar.field_types import SocketAddress, is_written_out
from callrouter.errors import CommandError
from callrouter.lint.routing_loops import Place
from callrouter.lint.unreachable_targets import lacking
from callrouter.media.sounds.prompts import prepare
from callrouter.observe.log import Log, open_log
from callrouter.private import Claims
from callrouter.route.decide.routing import decide
from callrouter.route.rules.compiled_dialplan import Dialplan
from callrouter.route.values.facts import Facts
from callrouter.route.values.plan import Hunt, Target
from callrouter.route.values.snapshot import Snapshot
from callrouter.secret import secret_files, weaknesses
from callrouter.settings.listen import Listen
from callrouter.settings.settings_file import Settings, load_settings
from callrouter.sip.uri import host_port
from callrouter.storage.engine import parse_url

_SIPP: Final = "sipp"
"""The caller's user in what SIPp sends by itself."""
_NUMBERS_LOOKED_AT: Final = 200


@click.command()
@config_option
def serve(config: Path) -> None:
    """Answer calls until SIGTERM or CTRL-C, then let the running ones finish."""
    signal.pthread_sigmask(signal.SIG_BLOCK, RELOADS)
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
        _warn(config, settings, first[0], log)
        try:
            uvloop.run(_serve(config, settings, first, log))
        finally:
            log.close()


def _claim(claims: Claims, settings: Settings) -> None:
    """Have all that is written for ourselves, before any of it is touched. Raises ClaimError."""
    claims.folder("spool folder", settings.records.spool)
    claims.file("state file", Path(str(make_url(settings.state).database)))
    if settings.trace is not None:
        claims.folder("trace folder", settings.trace.folder)
    media = settings.media
    if media.workers.max:
        claims.folder("voicemail folder", media.voicemail)
        claims.folder("recordings folder", media.recordings)
        claims.folder("prompts folder", media.prompts_cache)


async def _serve(config: Path, settings: Settings, first: list[Dialplan], log: Log) -> None:
    dialplan = first.pop()
    server = Server(settings, dialplan, log)
    greeting = _greeting(config, settings, dialplan)
    del dialplan  # only the server holds it from here on, and lets it go for the next one
    web = None
    try:
        if settings.web is not None:
            web = WebProcess(config, partial(listening, settings.web), log)
        await server.start()
        if web is not None:
            web.start()
        click.echo(greeting)
        await server.run()
    finally:
        if web is not None:
            await web.close()
        await server.close()
    if server.lost:
        raise CommandError(f"{server.lost} call records are nowhere: the log says why")


def _warn(config: Path, settings: Settings, dialplan: Dialplan, log: Log) -> None:
    """Say what is not as safe as it could be."""
    if os.geteuid() == 0:
        log.warning("callrouter runs as root: name another user in `user`")
    keys: list[str | Path] = [*secret_files(dialplan)]
    if settings.tls is not None:
        options = settings.tls.options()
        keys += [own.key for own in (options.own, *options.by_name.values())]
    for endpoint in settings.webhooks or ():
        keys += [secret.file for secret in endpoint.endpoint().secrets if secret.file]
    database = parse_url(settings.records.database)
    if database.password or "password" in database.query:
        keys.append(config)
    for file, what in weaknesses(keys):
        log.warning(what, file=file)


def _raise_file_limit() -> None:
    """Take as many file descriptors as this user may have: each connection is one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _where(listen: Listen) -> str:
    told = "" if listen.advertise is None else f" (as {host_port(*listen.advertise)})"
    return f"{listen.transport} {host_port(listen.host, listen.port)}{told}"


def _greeting(config: Path, settings: Settings, dialplan: Dialplan) -> str:
    """What is served, where, and how to place a first call through it."""
    listens = ", ".join(_where(listen) for listen in settings.listen)
    metrics = host_port(settings.metrics.host, settings.metrics.port)
    lines = [
        f"callrouter listens on {listens}",
        f"settings {config}",
        f"dialplan {dialplan.version}: {settings.dialplan} ({len(dialplan.numbers)} numbers)",
        f"metrics  http://{metrics}/metrics",
    ]
    if settings.web is not None:
        lines.append(f"console  {settings.web.address}")
    plain = [
        listen
        for listen in settings.listen
        if listen.transport == "udp" and listen.advertise is None
    ]
    places = [place for listen in settings.listen for place in listen.places]
    return "\n".join([*lines, *_first_call(plain, dialplan, places)])


def _first_call(listens: list[Listen], dialplan: Dialplan, places: Collection[Place]) -> list[str]:
    """How SIPp on this machine calls a number of this dialplan, or what would let it.

    listens: those of UDP at an address of their own. places: where all listeners are.
    """
    on_loopback_first = sorted(listens, key=lambda listen: not _is_loopback(listen.host))
    for listen in on_loopback_first:
        trunk = dialplan.trunk_of(listen.host)
        if trunk is None or trunk.guarded:
            continue
        found = _number_to_call(dialplan, trunk.name, listen.host, places)
        if found is None:
            return []
        number, rung = found
        place = host_port(listen.host, listen.port)
        call = f"sipp -sn uac -m 1 -s {number} -i {listen.host} {place}"
        if rung is None or not rung.host:
            return ["a first call:", f"  {call}"]
        if _is_loopback(rung.host) and rung.transport != "tls":
            by = " -t t1" if rung.transport == "tcp" else ""
            answers = f"sipp -sn uas{by} -i {rung.host} -p {rung.port} -m 1 -bg"
            return ["a first call:", f"  {answers}; {call}"]
        return [f"a first call, which rings {rung.name} at {rung.host}:", f"  {call}"]
    if not on_loopback_first:
        return []
    host = on_loopback_first[0].host
    trunk_name = next(iter(dialplan.trunks))
    return [
        f"a call from this machine is not heard; to let it in: "
        f"trunks: {{{trunk_name}: {{addresses: [{host}]}}}}"
    ]


def _number_to_call(
    dialplan: Dialplan, trunk: str, source: str, places: Collection[Place]
) -> tuple[str, Target | None] | None:
    """A number that SIPp's own caller gets through to, and whom it rings first.

    One that rings somebody on this machine, if there is one: there SIPp can answer, too.
    """
    first: tuple[str, Target | None] | None = None
    for number in islice(filter(is_written_out, dialplan.numbers), _NUMBERS_LOOKED_AT):
        facts = Facts(
            trunk=trunk,
            source=source,
            caller=_SIPP,
            called=number,
            to_user=number,
            to_ext="",
            at=time.time(),
        )
        decision = decide(dialplan, facts, Snapshot())
        if decision.number != number or not decision.plan.steps or number[0] in "*#":
            continue
        step = decision.plan.steps[0]
        rung = step.targets[0] if isinstance(step, Hunt) and step.targets else None
        if rung is not None and not _is_reached(rung, places):
            continue
        if rung is not None and _is_loopback(rung.host) and rung.transport == "udp":
            return number, rung
        first = first or (number, rung)
    return first


def _is_reached(rung: Target, places: Collection[Place]) -> bool:
    """Whether a listener reaches it, as far as its address says: not one of telephones' own."""
    return not rung.host or not lacking(rung.transport, SocketAddress(rung.host, rung.port), places)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:  # a name
        return False

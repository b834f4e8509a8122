"""`callrouter simulate`: a whole call on a virtual clock; targets do what they are told."""

import ipaddress
import time
from pathlib import Path
from zoneinfo import ZoneInfo

import click
from rich.console import Console

from callrouter.commands.moments import CLOCKS, moment
from callrouter.commands.options import config_option
from callrouter.commands.typed_numbers import NUMBER, TO_HEADER
from callrouter.dialplan.compile.compiler import compile_dialplan
from callrouter.dialplan.grammar.field_types import seconds
from callrouter.errors import CommandError
from callrouter.printable import json_text
from callrouter.route.rules.compiled_dialplan import Dialplan
from callrouter.route.values.facts import Facts
from callrouter.settings.settings_file import load_settings
from callrouter.simulate.output import as_dict, lines
from callrouter.simulate.simulated_call import play
from callrouter.simulate.target_script import Script, read_legs, read_presses
from callrouter.yamlfile.marked import Document
from callrouter.yamlfile.reader import load
from callrouter.yamlfile.wording import shown, suggestion

_HOUR = 3600.0
_WIDE = 1000
"""Columns where there is no terminal: a line is a line."""


@click.command()
@click.option(
    *("--from", "caller"), type=NUMBER, default="", help="The caller's number; none when left out."
)
@click.option("--to", "called", type=NUMBER, required=True, help="The number that is called.")
@click.option("--to-header", type=TO_HEADER, default="", help="The To header, or its user.")
@click.option("--at", help=f'When: 2026-03-07T12:01, "Sat 12:01". {CLOCKS}  [default: now]')
@click.option("--trunk", help="The trunk it comes in on. Default: the dialplan's first.")
@click.option("--leg", "legs", multiple=True, help='As "uas_5081: 180 after 1s, 486 after 3s".')
@click.option("--owner", default="", help="The extension that the number's look-up names.")
@click.option("--cancel", help="The caller gives up after so long, such as 8s.")
@click.option("--press", "presses", multiple=True, help='A key of the caller, as "2 after 3s".')
@click.option("--no-media", is_flag=True, help="No slot of a media worker is free.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.option("--dialplan", type=click.Path(path_type=Path), help="Instead of --config.")
@config_option
def simulate(
    caller: str,
    called: str,
    to_header: tuple[str, str],
    at: str | None,
    trunk: str | None,
    legs: tuple[str, ...],
    owner: str,
    cancel: str | None,
    presses: tuple[str, ...],
    no_media: bool,
    as_json: bool,
    dialplan: Path | None,
    config: Path,
) -> None:
    """Play a call with scripted targets, and print what happens when.

    Routing, calls and SIP are the server's own; only the network and the clock are not real. A
    target does what --leg says: responses with their times from the INVITE on, or "silence"; once
    it has answered also "key 1 after 4s" and "bye after 9s". One without --leg rings after 0.1 s
    and answers after 5 s. The caller hangs up a second after it is connected and both have done all
    that was said of them; on callrouter itself a minute after the answer.
    """
    document = load(dialplan if dialplan is not None else load_settings(config).dialplan)
    compiled = compile_dialplan(document)
    try:
        scripts = _scripts(document, legs, compiled)
        name, source = _origin(document, trunk)
        zone = ZoneInfo(compiled.timezone)
        when = time.time() if at is None else moment("--at", at, lambda: zone).timestamp()
        facts = Facts(
            trunk=name,
            source=source,
            caller=caller,
            called=called,
            to_user=to_header[0],
            to_ext=to_header[1],
            at=when,
            extension=compiled.telephone_of(name, caller),
        )
        give_up = _cancel(cancel)
        keys = read_presses(presses)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    played = play(compiled, facts, scripts, give_up, owner=owner, presses=keys, media=not no_media)
    if as_json:
        click.echo(json_text(as_dict(played), indent=True))
        return
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _WIDE
    console.print(lines(played))


def _scripts(document: Document, legs: tuple[str, ...], dialplan: Dialplan) -> dict[str, Script]:
    scripts = read_legs(legs)
    known = document.data.get("targets") or {}
    for name in scripts:
        # A target that was redirected to is named by both: "uas_5081 -> 192.0.2.9:5060".
        named = name.split(" -> ")[0]
        if named not in known and not dialplan.rings(named):
            hint = suggestion(name, list(known))
            raise CommandError(f"--leg: the dialplan has no target {shown(name)}{hint}")
    return scripts


def _origin(document: Document, trunk: str | None) -> tuple[str, str]:
    """A trunk and one of its addresses, "" for one that is known by something else."""
    trunks = document.data["trunks"]
    name = next(iter(trunks)) if trunk is None else trunk
    if name not in trunks:
        hint = suggestion(name, list(trunks))
        raise CommandError(f"--trunk: the dialplan has no trunk {shown(name)}{hint}")
    addresses = trunks[name].get("addresses")
    return name, str(ipaddress.ip_network(addresses[0])[0]) if addresses else ""


def _cancel(text: str | None) -> float | None:
    try:
        return None if text is None else seconds(text, 0, _HOUR)
    except ValueError as error:
        raise ValueError(f"--cancel: {error}") from error

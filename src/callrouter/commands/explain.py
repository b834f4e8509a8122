"""`callrouter explain`: what would become of a call, and why."""

import datetime
import ipaddress
import json
import re
import zoneinfo
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from callrouter.commands.moments import CLOCKS, moment
from callrouter.commands.options import config_option
from callrouter.dialplan.compile.compiler import load_dialplan
from callrouter.errors import CommandError
from callrouter.outcomes import (
    MARKS,
    entered,
    media_words,
    menu_words,
    nobody_left,
    place_of,
    spoken,
)
from callrouter.route.decide.routing import decide
from callrouter.route.rules.compiled_dialplan import Dialplan
from callrouter.route.values.decision import Decision
from callrouter.route.values.external_lookup import said
from callrouter.route.values.facts import Facts
from callrouter.route.values.media_steps import VoiceStep
from callrouter.route.values.plan import NOT_ASKED, PASSED, REFUSED, Hunt, Verdict
from callrouter.route.values.snapshot import Snapshot
from callrouter.settings.settings_file import load_settings
from callrouter.yamlfile.wording import suggestion

_WIDEST: Final = 1000
_STYLES: Final = {PASSED: "green", REFUSED: "red", NOT_ASKED: "dim"}
_EXT: Final = re.compile(r";ext=([^;]*)", re.IGNORECASE)


@click.command()
@click.option("--from", "caller", required=True, help="The caller's number, as the trunk sends it.")
@click.option("--to", "called", required=True, help="The called number, as the trunk sends it.")
@click.option("--to-header", help="The To header, or its user, when it is not --to.")
@click.option("--at", help=f'When: 2026-03-07T12:01, "Sat 12:01". {CLOCKS}  [default: now]')
@click.option("--trunk", help="Where the call comes from. Default: the dialplan's first.")
@click.option("--down", multiple=True, metavar="GATEWAY", help="A gateway that is not to work.")
@click.option("--owner", help="What the number's look-up would answer: an extension, or nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--dialplan", "file", type=click.Path(path_type=Path), help="The dialplan.")
@config_option
def explain(
    caller: str,
    called: str,
    to_header: str | None,
    at: str | None,
    trunk: str | None,
    down: tuple[str, ...],
    owner: str | None,
    as_json: bool,
    file: Path | None,
    config: Path,
) -> None:
    """Show every rule that is looked at for a call, what it says, and what becomes of the call.

    Nothing is called and no server is asked: what depends on other calls (lines in use, blocked
    callers, schedules switched by hand) is taken to be as after a first start, and a look-up to
    answer what --owner says.
    """
    dialplan = load_dialplan(file if file is not None else load_settings(config).dialplan)
    zone = zoneinfo.ZoneInfo(dialplan.timezone)
    now = datetime.datetime.now(zone)
    when = now if at is None else moment("--at", at, lambda: zone)
    user, ext = (called, "") if to_header is None else _named(to_header)
    name = _trunk(dialplan, trunk)
    facts = Facts(
        trunk=name,
        source=_source(dialplan, name),
        caller=caller,
        called=called,
        to_user=user,
        to_ext=ext,
        at=when.timestamp(),
    )
    for gateway in down:
        if gateway not in dialplan.gateways:
            hint = suggestion(gateway, dialplan.gateways)
            raise CommandError(f"--down: no gateway is named '{gateway}'{hint}")
    snapshot = Snapshot(down=frozenset(down))
    decision = decide(dialplan, facts, snapshot)
    if decision.lookup is not None and owner is not None:
        decision = decide(dialplan, facts.answered(decision.lookup, said(owner)), snapshot)
    if as_json:
        click.echo(json.dumps(_object(dialplan, decision), ensure_ascii=False, indent=2))
        return
    title = f"{caller} calls {called} on trunk {name}, {when:%a %Y-%m-%d %H:%M %Z}"
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _WIDEST  # nobody wants a file or a pipe folded
    console.print(_tree(title, dialplan, decision))


def _named(to_header: str) -> tuple[str, str]:
    """Read the user and the `ext` parameter of a To header, or of a part of one."""
    uri, _, _ = to_header.rpartition("<")[2].partition(">")
    address, _, parameters = uri.strip().partition(";")
    user, _, _ = address.removeprefix("sip:").partition("@")
    ext = _EXT.search(f";{parameters}")
    return user, "" if ext is None else ext[1]


def _trunk(dialplan: Dialplan, named: str | None) -> str:
    if named is None:
        return next(iter(dialplan.trunks))
    if named not in dialplan.trunks:
        names = ", ".join(dialplan.trunks)
        hint = suggestion(named, dialplan.trunks) or f"; expected one of {names}"
        raise CommandError(f"--trunk: no trunk is named '{named}'{hint}")
    return named


def _source(dialplan: Dialplan, trunk: str) -> str:
    """Return an address that a trunk sends from, "" when it is known by its certificate."""
    cidrs = [network.cidr for network in dialplan.networks if network.trunk.name == trunk]
    if not cidrs:
        return ""
    network = ipaddress.ip_network(cidrs[0])
    return str(network[1] if network.num_addresses > 1 else network[0])


def _object(dialplan: Dialplan, decision: Decision) -> dict[str, Any]:
    final = decision.plan.final
    return {
        "dialplan": dialplan.version,
        "number": decision.number,
        "targets": [
            {
                "name": target.name,
                "address": place_of(target),
                "ring_seconds": target.ring_seconds,
            }
            for hunt in decision.plan.hunts
            for target in hunt.targets
        ],
        "final": None if final is None else final.status,
        "reason": None if final is None else final.reason,
        "trace": [verdict.as_dict() for verdict in decision.trace],
        "steps": [_step(step) for step in decision.plan.steps],
        "media": [] if decision.plan.voice is None else media_words(decision.plan.voice),
        "menus": {
            name: menu_words(dialplan.menus[name])
            for name in entered(decision.plan, dialplan.menus)
        },
    }


def _step(step: Hunt | VoiceStep) -> dict[str, Any]:
    rings = [target.name for target in step.targets] if isinstance(step, Hunt) else []
    return {"rings": rings, "says": spoken(step), "after": sorted(step.on)}


def _tree(title: str, dialplan: Dialplan, decision: Decision) -> Tree:
    tree = Tree(Text(title, "bold"))
    rules = tree.add(Text.assemble("rules ", (f"dialplan {dialplan.version}", "dim")))
    for verdict in decision.trace:
        rules.add(_rule(verdict))
    plan = decision.plan
    for words in () if plan.voice is None else media_words(plan.voice):
        tree.add(words)
    rings: Tree | None = None
    for step in plan.steps:
        if isinstance(step, VoiceStep):
            rings = None
            for words in spoken(step):
                tree.add(words)
        else:
            rings = tree.add("rings") if rings is None else rings
            _add_hunt(rings, step)
    for name in entered(plan, dialplan.menus):
        menu = tree.add(f"menu {name}")
        for words in menu_words(dialplan.menus[name]):
            menu.add(Text(words))
    left = nobody_left(plan)
    if left:
        tree.add(Text(left, "" if plan.steps else "red"))
    return tree


def _rule(verdict: Verdict) -> Text:
    mark = (f"{MARKS[verdict.result]} ", _STYLES[verdict.result])
    value = f" [{verdict.value}]" if verdict.value else ""
    place = f"  {verdict.file}:{verdict.line}"
    return Text.assemble(mark, (verdict.rule, "bold"), f"{value}: {verdict.why}", (place, "dim"))


def _add_hunt(rings: Tree, hunt: Hunt) -> None:
    after = f"after {' or '.join(sorted(hunt.on))}" if hunt.on else ""
    for words in spoken(hunt):
        rings.add(Text(words))
    for together in hunt.rounds:
        for place, target in enumerate(together):
            also = "at the same time" if place else ""
            if target.delay_seconds:
                also = f"{target.delay_seconds:g} s later"
            notes = ", ".join(note for note in (after, also) if note)
            notes = f" ({notes})" if notes else ""
            rung = f" at {place_of(target)} for {target.ring_seconds:g} s{notes}"
            rings.add(Text.assemble((target.name, "bold cyan"), rung))

"""`callrouter explain`: what would become of a call, and why."""

import datetime
import zoneinfo
from decimal import Decimal
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from callrouter.api.client import ControlError, ask
from callrouter.commands.asking import request_of
from callrouter.commands.moments import CLOCKS, moment
from callrouter.commands.options import SECONDS, config_option
from callrouter.commands.typed_numbers import NUMBER, TO_HEADER
from callrouter.dialplan.compile.compiler import load_dialplan
from callrouter.dialplan.grammar.typed_times import zone_of
from callrouter.operations.explain import (
    LASTING,
    NOW,
    ExplainedRule,
    ExplainedStep,
    Explanation,
    explain_call,
    explained_alone,
)
from callrouter.outcomes import MARKS
from callrouter.printable import json_text, printable
from callrouter.route.values.plan import NOT_ASKED, PASSED, REFUSED
from callrouter.settings.settings_file import load_settings

_WIDEST: Final = 1000
_STYLES: Final = {PASSED: "green", REFUSED: "red", NOT_ASKED: "dim"}


@click.command()
@click.option(
    *("--from", "caller"),
    type=NUMBER,
    required=True,
    help="The caller's number, as the trunk sends it.",
)
@click.option(
    *("--to", "called"),
    type=NUMBER,
    required=True,
    help="The called number, as the trunk sends it.",
)
@click.option("--to-header", type=TO_HEADER, help="The To header, or its user, when not --to.")
@click.option("--at", help=f'When: 2026-03-07T12:01, "Sat 12:01". {CLOCKS}  [default: now]')
@click.option("--trunk", help="Where the call comes from. Default: the dialplan's first.")
@click.option("--down", multiple=True, metavar="GATEWAY", help="A gateway that is not to work.")
@click.option("--owner", help="What the number's look-up would answer: an extension, or nothing.")
@click.option(
    *("--cost", "seconds"),
    type=SECONDS,
    help="Also what it costs when it lasts so many seconds from its answer on.",
)
@click.option(
    "--forwarded-after",
    type=SECONDS,
    default="0",
    help="With --cost: seconds from the call's answer to that of the target.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option(
    *("--dialplan", "file"),
    type=click.Path(path_type=Path),
    help="A dialplan by itself; no server is asked.",
)
@config_option
def explain(
    caller: str,
    called: str,
    to_header: tuple[str, str] | None,
    at: str | None,
    trunk: str | None,
    down: tuple[str, ...],
    owner: str | None,
    seconds: Decimal | None,
    forwarded_after: Decimal,
    as_json: bool,
    file: Path | None,
    config: Path,
) -> None:
    """Show every rule that is looked at for a call, what it says, and what becomes of the call.

    The server that runs by the settings is asked, and decides by the dialplan that it serves and by
    its state: who is blocked, by hand or automatically, or away, which schedules are switched,
    which gateways work, lines in use, registered telephones. Of it, --at leaves out what passes by
    itself: lines, telephones, and gateways that are down but not drained. Without a server, or with
    --dialplan, the file is read and all of that is as after a first start; the last line says so.

    Nothing is called; a look-up answers what --owner says. Banned addresses are not looked at: no
    address of a trunk can be one.
    """
    dialplan = file if file is not None else load_settings(config).dialplan
    when = None if at is None else moment("--at", at, lambda: zone_of(dialplan)).timestamp()
    user, ext = (None, "") if to_header is None else to_header
    values: dict[str, object] = {"caller": caller, "called": called, "at": when, "trunk": trunk}
    values |= {"to_user": user, "to_ext": ext, "down": list(down), "owner": owner}
    if seconds is None and forwarded_after:
        raise click.UsageError("--forwarded-after needs --cost")
    if seconds is not None:
        if forwarded_after > seconds:
            raise click.BadParameter("the call had ended by then", param_hint="--forwarded-after")
        values |= {"seconds": float(seconds), "forwarded_after": float(forwarded_after)}
    request = request_of(explain_call, values)
    unasked = "--dialplan asks no server"
    found: Explanation | None = None
    if file is None:
        try:
            found = ask(load_settings(config).control, explain_call, request)
        except ControlError as error:
            unasked = str(error)
    if found is None:
        found = explained_alone(load_dialplan(dialplan), request)
    if as_json:
        click.echo(json_text(found.model_dump(), indent=True))
        return
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _WIDEST  # nobody wants a file or a pipe folded
    console.print(_tree(caller, called, found, unasked, seconds))


def _tree(
    caller: str, called: str, found: Explanation, unasked: str, seconds: Decimal | None
) -> Tree:
    """unasked: why no server was asked, if none was. seconds: of the call, to show its costs."""
    when = datetime.datetime.fromtimestamp(found.at, zoneinfo.ZoneInfo(found.timezone))
    call = f"{caller} calls {called} on trunk {found.trunk}, {when:%a %Y-%m-%d %H:%M %Z}"
    tree = Tree(_text(call, "bold"))
    rules = tree.add(Text.assemble("rules ", (f"dialplan {found.dialplan}", "dim")))
    for rule in found.trace:
        rules.add(_rule(rule))
    for words in found.media:
        tree.add(_text(words))
    menus = dict(found.menus)
    rings: Tree | None = None
    for step in found.steps:
        if step.targets:
            rings = tree.add("rings") if rings is None else rings
            _add_hunt(rings, step)
            continue
        rings = None
        for words in step.says:
            spoken = tree.add(_text(words))
            for inner in menus.pop(step.menu, ()):
                spoken.add(_text(inner))
    for name, inner_words in menus.items():
        menu = tree.add(_text(f"menu {name}"))
        for words in inner_words:
            menu.add(_text(words))
    if found.left:
        tree.add(_text(found.left, "" if found.steps else "red"))
    if seconds is not None:
        _add_costs(tree, found, seconds)
    if found.draining:
        tree.add(_text("the server is draining: new calls get 503", "red"))
    tree.add(_text(_looked_at(found.state, unasked), "dim"))
    return tree


def _looked_at(state: str, unasked: str) -> str:
    """Say what of the state of a server the explanation knows."""
    if state == NOW:
        return "state: that of the running server"
    if state == LASTING:
        return (
            "state: blocks, overrides, absences and drained gateways of the running server; "
            "no line in use, no other gateway down"
        )
    return (
        f"state: none ({unasked}): nobody blocked or away, no schedule switched, "
        "no line in use, no gateway down"
    )


def _rule(rule: ExplainedRule) -> Text:
    mark = (f"{MARKS[rule.result]} ", _STYLES[rule.result])
    value = f" [{printable(rule.value)}]" if rule.value else ""
    place = f"  {rule.file}:{rule.line}"
    why = f"{value}: {printable(rule.why)}"
    return Text.assemble(mark, (printable(rule.rule), "bold"), why, (printable(place), "dim"))


def _add_hunt(rings: Tree, step: ExplainedStep) -> None:
    after = f"after {' or '.join(step.after)}" if step.after else ""
    for words in step.says:
        rings.add(_text(words))
    for target in step.targets:
        also = "at the same time" if target.together else ""
        if target.delay_seconds:
            also = f"{target.delay_seconds:g} s later"
        notes = ", ".join(note for note in (after, also) if note)
        notes = f" ({notes})" if notes else ""
        rung = f" at {target.address} for {target.ring_seconds:g} s{notes}"
        rings.add(Text.assemble((target.name, "bold cyan"), rung))


def _add_costs(tree: Tree, found: Explanation, seconds: Decimal) -> None:
    costs = tree.add(f"costs when it lasts {seconds:f} s")
    if not found.costs:
        costs.add("nothing: no leg has a rate plan")
    for one in found.costs:
        by = one.answered_by or "callrouter alone"
        whole = costs.add(Text.assemble((by, "bold cyan"), f" answers: {one.cost} {one.currency}"))
        for charge in one.charges:
            rate = f", {charge.rate}" if charge.rate else ""
            whole.add(_text(f"{charge.plan}{rate}: {charge.seconds} s billed, {charge.cost}"))


def _text(words: str, style: str = "") -> Text:
    return Text(printable(words), style)

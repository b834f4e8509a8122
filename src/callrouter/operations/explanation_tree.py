"""An explanation as people read it: the tree that `callrouter explain` and the console show."""

import datetime
import zoneinfo
from decimal import Decimal
from io import StringIO
from typing import Final

from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from callrouter.operations.explain import (
    LASTING,
    NOW,
    ExplainedRule,
    ExplainedStep,
    Explanation,
)
from callrouter.outcomes import MARKS
from callrouter.printable import printable
from callrouter.route.values.plan import NOT_ASKED, PASSED, REFUSED

WIDEST: Final = 1000
"""Characters of a line where there is no terminal: nobody wants a file, a pipe or a page folded."""
_STYLES: Final = {PASSED: "green", REFUSED: "red", NOT_ASKED: "dim"}


def explanation_text(caller: str, called: str, found: Explanation, seconds: Decimal | None) -> str:
    """The tree as plain text: what the command writes into a file."""
    out = StringIO()
    console = Console(file=out, highlight=False, width=WIDEST)
    console.print(explanation_tree(caller, called, found, "", seconds))
    return out.getvalue()


def explanation_tree(
    caller: str, called: str, found: Explanation, unasked: str, seconds: Decimal | None
) -> Tree:
    """The tree of a call.

    unasked: why no server was asked, if none was. seconds: of the call, to show its costs.
    """
    when = datetime.datetime.fromtimestamp(found.at, zoneinfo.ZoneInfo(found.timezone))
    call = f"{caller} calls {called} on trunk {found.trunk}, {when:%a %Y-%m-%d %H:%M %Z}"
    tree = Tree(_text(call, "bold"))
    rules = tree.add(Text.assemble("rules ", (f"dialplan {found.dialplan}", "dim")))
    for rule in found.trace:
        rules.add(_rule(rule))
    known = [f"number {found.number} is {found.attributes}"] if found.attributes else []
    for words in (*known, *found.media):
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

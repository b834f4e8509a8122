"""Menu choices: what keys mean in a menu, and where they lead."""

from dataclasses import dataclass

from callrouter.route.decide.evaluation import Evaluation
from callrouter.route.rules.compiled_dialplan import Dialplan
from callrouter.route.rules.number_rules import Menu
from callrouter.route.values.decision import Need
from callrouter.route.values.facts import Facts
from callrouter.route.values.plan import Plan, Verdict
from callrouter.route.values.snapshot import Snapshot


@dataclass(slots=True, kw_only=True)
class Chosen:
    """The choice that keys led to. plan: its steps are to be taken. language: "" to leave it.

    needs: as those of a decision. barred: to what this caller may not have; to it the keys are no
    choice.
    """

    plan: Plan
    trace: tuple[Verdict, ...]
    needs: tuple[Need, ...]
    language: str
    barred: bool = False


def may_follow(dialplan: Dialplan, menu: Menu, keys: str) -> bool:
    """Say whether a longer choice begins with these keys."""
    if menu.extensions and keys in dialplan.begun:
        return True
    return any(len(choice) > len(keys) and choice.startswith(keys) for choice in menu.choices)


def choose(
    dialplan: Dialplan, facts: Facts, snapshot: Snapshot, number: str, menu: Menu, keys: str
) -> Chosen | None:
    """Decide where keys lead; None when they are no choice. Total, as `decide` is.

    number: the dialplan's key that the call is for. What a key means goes before an extension.
    """
    trunk = dialplan.trunks[facts.trunk]
    case = Evaluation(dialplan, trunk, dialplan.numbers[number], facts, snapshot, ())
    choice = menu.choices.get(keys)
    if choice is not None:
        plan = case.chosen(choice.steps)
        return Chosen(
            plan=plan,
            trace=tuple(case.trace),
            needs=(),
            language=choice.language,
            barred=case.barred,
        )
    extension = dialplan.extensions.get(keys) if menu.extensions else None
    if extension is None:
        return None
    rule = f"extensions of menu {menu.name}"
    case.trace.append(Verdict(rule, True, keys, "is an extension", menu.file, menu.line))
    plan = case.extension(extension)
    return Chosen(plan=plan, trace=tuple(case.trace), needs=case.needs(plan), language="")

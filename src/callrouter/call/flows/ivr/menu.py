"""The scripts of a menu (C3), and of the survey when the callee has hung up (C9)."""

from collections.abc import Callable
from functools import partial

from callrouter.call.call import Call
from callrouter.call.flows.ivr.play_gather import anchor_of, attach, gather, say
from callrouter.call.settle import settle
from callrouter.call.wait import attend
from callrouter.route.decide.menu_choice import Chosen, choose, may_follow
from callrouter.route.rules.number_rules import Menu
from callrouter.route.values.facts import Facts
from callrouter.route.values.media_steps import EnterMenu, Survey, VoiceStep
from callrouter.route.values.plan import Hunt

_MOST_VISITS = 50
"""Menus that lead to each other would keep a line for ever."""
_SURVEY_TRIES = 2


async def go_through(
    call: Call, step: EnterMenu, goes_on: Callable[[], bool]
) -> tuple[Hunt | VoiceStep, ...]:
    """Let the caller choose; returns the steps of the choice, empty for none.

    goes_on: says whether the route has a step for a caller who chose nothing: then nobody says
    goodbye. Raises NoMedia, Over.
    """
    anchor = anchor_of(call)
    anchor.visits += 1
    if anchor.visits > _MOST_VISITS:
        return ()
    await attach(call, answer=True)
    dialplan = call.dialplan
    menu = dialplan.menus[step.menu]
    anchor.note("menu", menu.name)
    first = step.greeting
    for attempt in range(menu.tries):
        names = (*first, *menu.prompts)
        first = ()
        keys = await gather(
            call,
            names,
            menu.first_seconds,
            menu.between_seconds,
            lambda keys: not may_follow(dialplan, menu, keys),
        )
        chosen = _choose(call, menu, keys, call.facts)
        if chosen is not None:

            def again(facts: Facts, keys: str = keys) -> Chosen:
                chosen = _choose(call, menu, keys, facts)
                assert chosen is not None  # noqa: S101 - keys that are a choice stay one
                return chosen

            chosen = await settle(call, call.facts, chosen, again, partial(attend, call))
            call.record.trace += chosen.trace
        if chosen is not None and not chosen.barred:
            anchor.language = chosen.language or anchor.language
            return chosen.plan.steps
        if attempt + 1 < menu.tries:
            wrong = menu.invalid if keys else menu.silent
            first = (wrong,) if wrong else ()
    if menu.farewell and not goes_on():
        await say(call, (menu.farewell,))
    return ()


def _choose(call: Call, menu: Menu, keys: str, facts: Facts) -> Chosen | None:
    """Where keys lead, by these facts."""
    return choose(call.dialplan, facts, call.shared.snapshot(), call.record.number, menu, keys)


async def ask_survey(call: Call, survey: Survey) -> None:
    """Ask, and keep the answer in the record. Raises NoMedia, Over."""
    await attach(call, answer=True)
    for _ in range(_SURVEY_TRIES):
        key = await gather(call, (survey.prompt,), survey.wait_seconds, 0.0, bool)
        if key and key in survey.keys:
            anchor_of(call).note("survey", key)
            await say(call, (survey.thanks,))
            return
        if not key:
            return

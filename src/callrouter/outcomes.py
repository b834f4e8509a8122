"""Outcomes of decisions, in the words by which people compare decisions."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from callrouter.printable import brief
from callrouter.route.rules.number_rules import Menu, Step
from callrouter.route.values.decision import Decision
from callrouter.route.values.media_steps import (
    EnterMenu,
    EnterQueue,
    Feature,
    Messages,
    Play,
    PromiseCallBack,
    Voice,
    Voicemail,
    VoiceStep,
)
from callrouter.route.values.plan import NOT_ASKED, PASSED, REFUSED, Hunt, Plan, Target, Verdict

Outcome = dict[str, Any]
"""What can be compared, by key."""

_HOUR: Final = 3600
_DAY: Final = 24 * _HOUR

USUAL_TIME: Final = datetime(2026, 1, 5, 10, 0)
"""A Monday morning: the time of a call for which none is said."""

_ENDS: Final = (Voicemail, Messages, Feature, PromiseCallBack)
"""Steps after which none is taken."""

_OF_HUNTS: Final = ("after", "total", "stop_on", "redirects")

MARKS: Final = {PASSED: "✓", REFUSED: "✗", NOT_ASKED: "·"}
"""By the result of a verdict: the rule let the call pass, refused it, or was not asked."""


Menus = Mapping[str, Menu]
"""By name."""


def outcome(decision: Decision) -> Outcome:
    """Return what a test can ask of a decision. `final` is None for what the last target says."""
    plan = decision.plan
    final = plan.final
    targets = [target for hunt in plan.hunts for target in hunt.targets]
    return {
        "number": decision.number,
        "line": decision.line,
        "targets": [target.name for target in targets],
        "ring": {target.name: target.ring_seconds for target in targets},
        "final": None if final is None else final.status or None,
        "reason": "" if final is None else final.reason,
        "cause": None if final is None else final.cause or None,
        "prompt": "" if final is None else final.prompt,
        "matched": [verdict.rule for verdict in decision.trace if verdict.matched],
        "missed": [verdict.rule for verdict in decision.trace if not verdict.matched],
    }


def plan_outcome(decision: Decision, menus: Menus) -> Outcome:
    """Return all that a caller or a target could notice of a decision, and nothing else.

    menus: the dialplan's.
    """
    plan = decision.plan
    final = plan.final
    return {
        "number": decision.number,
        "line": decision.line,
        "hunts": [
            [
                " + ".join(
                    f"{target.name} {_where(target.uri, target.ring_seconds)}" for target in row
                )
                for row in hunt.rounds
            ]
            for hunt in plan.hunts
        ],
        "after": [", ".join(sorted(hunt.on)) or "any result" for hunt in plan.hunts],
        "total": [hunt.total_seconds for hunt in plan.hunts],
        "stop_on": [sorted(hunt.stop_codes) for hunt in plan.hunts],
        "redirects": [hunt.redirects for hunt in plan.hunts],
        "final": None if final is None else final.status or None,
        "reason": "" if final is None else final.reason,
        "cause": None if final is None else final.cause or None,
        "prompt": "" if final is None else final.prompt,
        "lines": [hold.name for hold in plan.holds],
        "speaks": [words for step in plan.steps for words in spoken(step)],
        "media": [] if plan.voice is None else media_words(plan.voice),
        "menus": {name: menu_words(menus[name]) for name in entered(plan, menus)},
    }


def place_of(target: Target) -> str:
    """Say where a target is rung."""
    if target.extension:
        return f"the telephones of extension {target.extension}"
    host = f"[{target.host}]" if ":" in target.host else target.host
    return f"{host}:{target.port}" if target.port else host


def nobody_left(plan: Plan) -> str:
    """Say what becomes of a caller for whom no step is left; "" where one of them ends the call."""
    last: Any = None
    for step in plan.steps:
        last = step.act if isinstance(step, VoiceStep) and not step.on else None
        if isinstance(last, _ENDS):
            return ""
    if isinstance(last, Play) and last.answer:
        return "then callrouter hangs up"
    if isinstance(last, EnterQueue):
        return "then as the number answers queue_full, or queue_timeout"
    final = plan.final
    if final is None:
        return "nobody left: what the last target answered"
    prompt = f", prompt {final.prompt}" if final.prompt else ""
    status = str(final.status or "what the last target answered")
    cause = f", cause {final.cause}" if final.cause else ""
    told = f"{status}{cause}, {final.reason}{prompt}"
    return f"nobody left: {told}" if plan.steps else f"refused: {told}"


def spoken(step: Hunt | VoiceStep) -> list[str]:
    """Say what is heard in a step, in words of the dialplan; nothing for a plain hunt."""
    words = []
    if isinstance(step, VoiceStep):
        after = f" after {' or '.join(sorted(step.on))}" if step.on else ""
        return [f"{_act_words(step)}{after}"]
    greeting = step.greeting
    if greeting is not None:
        words.append(
            f"greets with {', '.join(greeting.prompts)}"
            f"{', over and over' if greeting.repeat else ''}"
            f"{', answers first' if greeting.answer else ''}"
        )
    confirm = step.confirm
    if confirm is not None:
        words.append(
            f"who answers hears {confirm.prompt} and has to press {confirm.key}"
            f" within {confirm.wait_seconds:g} s"
        )
    return words


def media_words(voice: Voice) -> list[str]:
    """Say what a number says of the media of its calls."""
    words = [f"language {voice.language}"]
    recording = voice.recording
    if recording is not None:
        quota = recording.quota_seconds
        when = "saying" if recording.outgoing else "after"
        words.append(
            f"records {'from the answer on' if recording.at_once else 'on request'}"
            f"{' in stereo' if recording.stereo else ''}"
            f"{f', {when} {recording.notice}' if recording.notice else ''}"
            f", kept {recording.keep_seconds / _DAY:g} d"
            f"{f', at most {quota / _HOUR:g} h a month' if quota else ''}"
            f"{', or there is no call' if recording.required else ''}"
        )
    if voice.digits:
        words.append(f"dials {voice.digits} once it is answered")
    if voice.hold_music:
        words.append(f"hold music {voice.hold_music}")
    survey = voice.survey
    if survey is not None:
        words.append(
            f"survey {survey.prompt}, keys {survey.keys} within {survey.wait_seconds:g} s"
            f", then {survey.thanks}"
        )
    return words


def menu_words(menu: Menu) -> list[str]:
    """Say what a menu plays, and what each key does."""
    words = [
        f"plays {', '.join(menu.prompts)} up to {menu.tries} times, waits {menu.first_seconds:g} s"
        f" and {menu.between_seconds:g} s"
    ]
    words += key_words(menu)
    if menu.extensions:
        words.append("extensions")
    said = (("invalid", menu.invalid), ("silent", menu.silent), ("farewell", menu.farewell))
    return words + [f"{when}: plays {prompt}" for when, prompt in said if prompt]


def key_words(menu: Menu) -> list[str]:
    """Say what each key does."""
    words = []
    for keys, choice in menu.choices.items():
        language = f", in {choice.language}" if choice.language else ""
        steps = ", then ".join(_step_words(step) for step in choice.steps)
        words.append(f"{keys}: {steps}{language}")
    return words


def entered(plan: Plan, menus: Menus) -> list[str]:
    """Return the menus that a call can come through, in the order they are found."""
    acts = [step.act for step in plan.steps if isinstance(step, VoiceStep)]
    found: list[str] = []
    for act in acts:  # grows meanwhile
        if isinstance(act, EnterMenu) and act.menu not in found:
            found.append(act.menu)
            for choice in menus[act.menu].choices.values():
                acts += [step.voice.act for step in choice.steps if step.voice is not None]
    return found


def _act_words(step: VoiceStep) -> str:
    act = step.act
    if isinstance(act, Play):
        return f"{'answers and ' if act.answer else ''}{act.text}"
    if isinstance(act, EnterMenu) and act.greeting:
        return f"plays {', '.join(act.greeting)}, {act.text}"
    return act.text


def _step_words(step: Step) -> str:
    when = ""
    if step.schedule is not None:
        when = f" when {step.schedule.name} is {'open' if step.open else 'closed'}"
    if step.voice is not None:
        return f"{_act_words(step.voice)}{when}"
    rule = step.alone or step.several
    heard = "" if rule is None else "".join(f", {words}" for words in spoken(rule.hunt))
    return f"rings {'' if rule is None else rule.text}{heard}{when}"


def differences(old: Outcome, new: Outcome) -> dict[str, tuple[Any, Any]]:
    """Return what differs between two outcomes of plans, by key."""
    differ = {key: (old[key], new[key]) for key in old if old[key] != new[key]}
    if len(old["hunts"]) != len(new["hunts"]):
        # How each hunt goes is compared hunt by hunt, and here they are not the same ones.
        for key in _OF_HUNTS:
            differ.pop(key, None)
    return differ


def written(value: object) -> str:
    """Write a value of an outcome on one line."""
    if isinstance(value, list):
        return f"[{', '.join(written(item) for item in value)}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {written(item)}' for key, item in value.items())}}}"
    if isinstance(value, float):
        return f"{value:g}s"
    return "nothing" if value in (None, "") else str(value)


def verdict_lines(trace: Iterable[Verdict]) -> Iterator[str]:
    """Write a trace as `callrouter explain` does, one rule a line."""
    for verdict in trace:
        mark = MARKS[verdict.result]
        value = f" [{brief(verdict.value)}]" if verdict.value else ""
        yield f"{mark} {verdict.rule}{value}: {verdict.why}  {verdict.file}:{verdict.line}"


def _where(uri: str, ring: float) -> str:
    return f"{uri} {ring:g}s"

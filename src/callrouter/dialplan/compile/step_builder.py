"""The steps of routes and menus, made into the values that `route` goes through."""

from collections.abc import Sequence as Several
from typing import Any

from callrouter.dialplan.check.validation import Checker
from callrouter.dialplan.compile.hunt_builder import HuntBuilder
from callrouter.dialplan.compile.refusals import Refusals
from callrouter.dialplan.grammar.call_queues import QueueEntry
from callrouter.dialplan.grammar.dialplan_file import NumberEntry
from callrouter.dialplan.grammar.hunts import StepEntry
from callrouter.dialplan.grammar.media_options import FeatureEntry, RecordEntry, SurveyEntry
from callrouter.dialplan.grammar.menus import ChoiceEntry, MenuEntry
from callrouter.route.rules import number_rules as rules
from callrouter.route.values import media_steps as voice
from callrouter.route.values.opening_hours import Schedule
from callrouter.route.values.plan import Refusal
from callrouter.route.values.snapshot import DO_NOT_DISTURB
from callrouter.yamlfile.marked import Mapping, Sequence

_REASONS = {"back": "", "do_not_disturb": DO_NOT_DISTURB}
_OVERRIDES = {"open": "open", "closed": "closed", "usual": ""}


class StepBuilder:
    """Builder of the steps of a file without mistakes."""

    def __init__(
        self, file: str, checker: Checker, hunts: HuntBuilder, schedules: dict[str, Schedule]
    ) -> None:
        self._file = file
        self._checker = checker
        self._hunts = hunts
        self._schedules = schedules

    def steps(
        self, rule: str, steps: list[StepEntry], raw: Sequence, refusals: Refusals
    ) -> tuple[rules.Step, ...]:
        """Build a route, or an overflow. raw: the same as read, for its lines."""
        built = []
        for index, step in enumerate(steps):
            name = f"step {index + 1} of {rule}"
            built.append(self._step(name, step, raw.find(index).line, self._final(step, refusals)))
        return tuple(built)

    def menus(self) -> dict[str, rules.Menu]:
        """Build all menus."""
        built = {}
        for name, raw, place in self._checker.entries("menus").entries():
            built[name] = self._menu(name, self._checker.menus[name], raw, place.line)
        return built

    def choices(
        self, rule: str, chosen: dict[str, ChoiceEntry], raw: Mapping
    ) -> dict[str, rules.Choice]:
        """Build what keys do. rule: whose keys they are. raw: the same as read, for its lines."""
        built = {}
        for keys, _, place in raw.entries():
            entry = chosen[keys]
            step = self._step(f"key {keys} of {rule}", entry, place.line, None)
            built[keys] = rules.Choice(steps=(step,), language=entry.language or "")
        return built

    def _menu(self, name: str, entry: MenuEntry, raw: Mapping, line: int) -> rules.Menu:
        choices = self.choices(f"menu {name}", entry.keys, raw["keys"]) if entry.keys else {}
        return rules.Menu(
            name=name,
            prompts=tuple(entry.prompt),
            choices=choices,
            extensions=entry.extensions,
            first_seconds=entry.wait,
            between_seconds=entry.between,
            tries=entry.tries,
            invalid=entry.invalid or "",
            silent=entry.silent or "",
            farewell=entry.farewell or "",
            file=self._file,
            line=line,
        )

    def _final(self, step: StepEntry, refusals: Refusals) -> Refusal | None:
        options: Any = step
        if isinstance(step.hunt, str):
            options = self._checker.groups[step.hunt]
        return refusals.left if options.final is None else refusals.final(options.final)

    def _step(
        self, name: str, step: StepEntry | ChoiceEntry, line: int, final: Refusal | None
    ) -> rules.Step:
        schedule = None if step.when is None else self._schedules[step.when.schedule]
        is_open = step.when is None or step.when.is_ == "open"
        alone = several = spoken = None
        if step.hunt is None:
            on = frozenset[str]() if step.on is None else frozenset[str](step.on)
            spoken = voice.VoiceStep(act=self._act(step), on=on)
        else:
            alone = several = self._hunts.step(name, step, several=True)
            # Only a hunt of one target can be the only one to ring.
            if several.count == 1:
                alone = self._hunts.step(name, step, several=False)
        return rules.Step(
            rule=name,
            schedule=schedule,
            open=is_open,
            alone=alone,
            several=several,
            final=final,
            file=self._file,
            line=line,
            voice=spoken,
        )

    def _act(self, step: StepEntry) -> voice.Act:
        if step.play is not None:
            return voice.Play(prompts=tuple(step.play), answer=step.answer)
        if step.menu is not None:
            greeting: Several[str] = () if step.greet is None else step.greet.prompts
            return voice.EnterMenu(menu=step.menu, greeting=tuple(greeting))
        if step.queue is not None:
            return voice.EnterQueue(
                queue=step.queue.name,
                priority=step.queue.priority,
                skills=tuple(step.queue.skills),
                about=_about(self._checker.queues[step.queue.name]),
            )
        return _end(step)


def _end(step: StepEntry) -> voice.Act:
    """Return what ends the call."""
    if step.voicemail is not None:
        return voice.Voicemail(box=step.voicemail)
    if step.call_back is not None:
        said = step.call_back.prompt or ""
        return voice.PromiseCallBack(rule=step.call_back.name, prompt=said)
    if step.messages is not None:
        return voice.Messages(box=step.messages)
    assert step.feature is not None  # noqa: S101 - the schema asks for one of them
    return _feature(step.feature)


def _about(entry: QueueEntry) -> str:
    """Say what a queue is, in a few words."""
    agents = len(entry.agents)
    words = [f"{agents} {'agent' if agents == 1 else 'agents'}"]
    words.append(f"{entry.strategy.replace('_', ' ')} for {entry.ring:g} s")
    if entry.max_wait is not None:
        words.append(f"waits {entry.max_wait:g} s at most")
    if entry.max_length is not None:
        words.append(f"{entry.max_length} callers at most")
    return ", ".join(words)


def is_code(steps: Several[StepEntry]) -> bool:
    """Say whether a number is a feature code, or lets messages be heard, and does nothing else."""
    codes = [step.feature is not None or step.messages is not None for step in steps]
    return any(codes) and all(
        code or step.play is not None for code, step in zip(codes, steps, strict=True)
    )


def _feature(entry: FeatureEntry) -> voice.Feature:
    presence = None if entry.presence is None else _REASONS.get(entry.presence, entry.presence)
    return voice.Feature(
        presence=presence,
        schedule=entry.schedule or "",
        to=_OVERRIDES[entry.to or "usual"],
        forward=entry.forward or "",
        supervise=entry.supervise or "",
    )


def voice_of(number: NumberEntry, language: str, *, warned: bool = False) -> voice.Voice | None:
    """Return what a number says of the media of its calls, None for nothing of its own.

    warned: its parties are to hear that the money of its account ends.
    """
    spoken = number.hold_music or number.record or number.survey
    if number.language is None and not (spoken or warned):
        return None
    return voice.Voice(
        language=number.language or language,
        recording=recording_of(number.record),
        survey=_survey(number.survey),
        hold_music=number.hold_music or "",
        warned=warned,
    )


def recording_of(entry: RecordEntry | None, *, outgoing: bool = False) -> voice.Recording | None:
    """Return how calls are recorded. outgoing: to outside."""
    if entry is None:
        return None
    return voice.Recording(
        stereo=entry.sides == "stereo",
        notice=entry.notice or "",
        at_once=entry.start == "answer",
        keep_seconds=entry.keep,
        quota_seconds=entry.quota or 0.0,
        required=entry.required,
        outgoing=outgoing,
    )


def _survey(entry: SurveyEntry | None) -> voice.Survey | None:
    if entry is None:
        return None
    return voice.Survey(
        prompt=entry.prompt, keys=entry.keys, thanks=entry.thanks, wait_seconds=entry.wait
    )

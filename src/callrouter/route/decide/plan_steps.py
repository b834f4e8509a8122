"""The steps of a plan while it is made: who rings, what speaks, and the verdict of each."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from callrouter.route.rules.compiled_dialplan import Dialplan
from callrouter.route.rules.hunt_strategies import HuntRule
from callrouter.route.rules.number_rules import Trunk
from callrouter.route.values.decision import NeedLookup
from callrouter.route.values.facts import Facts
from callrouter.route.values.media_steps import MEDIA, EnterQueue, VoiceStep
from callrouter.route.values.opening_hours import Hours, Schedule
from callrouter.route.values.plan import PASSED, REFUSED, Hold, Hunt, Verdict
from callrouter.route.values.seeded_random import Dice
from callrouter.route.values.snapshot import BUSY, NO_ANSWER, Snapshot

_ANY: Final[frozenset[str]] = frozenset()
_LEFT: Final[Mapping[str, frozenset[str]]] = {
    BUSY: frozenset(("busy",)),
    NO_ANSWER: frozenset(("no_answer", "unreachable")),
    "": frozenset(("unreachable",)),
}
"""What a step that was left out counts as, by why."""


class PlanSteps:
    """The steps of one call's plan.

    steps: those so far. holds: what the call takes a line of. trace: the verdicts so far. dead: a
    step was left out because what it needs is down. missed: why the last one was left out that has
    people to ring, busy or no answer; "" for none. left: the results that the last one left out
    counts as. carrier: the look-up that has to say which carrier somebody is with, None for none.
    """

    __slots__ = (
        "_hours",
        "carrier",
        "dead",
        "dialplan",
        "dice",
        "facts",
        "holds",
        "left",
        "missed",
        "snapshot",
        "steps",
        "trace",
        "trunk",
    )

    def __init__(
        self,
        dialplan: Dialplan,
        trunk: Trunk,
        facts: Facts,
        snapshot: Snapshot,
        trace: tuple[Verdict, ...],
    ) -> None:
        self.dialplan = dialplan
        self.trunk = trunk
        self.facts = facts
        self.snapshot = snapshot
        self.dice = Dice(snapshot.seed)
        self._hours: dict[str, Hours] = {}
        self.steps: list[Hunt | VoiceStep] = []
        self.holds: list[Hold] = []
        self.trace = list(trace)
        self.dead = False
        self.missed = ""
        self.left = _LEFT[""]
        self.carrier: NeedLookup | None = None

    def judge(self, rule: str, refused: bool, value: str, why: str, file: str, line: int) -> None:
        """Note a rule that takes effect by refusing."""
        self.trace.append(
            Verdict(rule, refused, value, why, file, line, result=REFUSED if refused else PASSED)
        )

    def full(self, hold: str, lines: int, file: str, line: int) -> bool:
        """Say whether no line is free."""
        if not lines:
            return False
        used = self.snapshot.lines.get(hold, 0)
        if hold in self.facts.held:
            used -= 1  # it is this call that has it
        if hold in self.facts.busy:
            used = max(used, lines)  # others than we know of have them
        full = used >= lines
        why = "no line is free" if full else "a line is free"
        self.judge(f"lines of {hold}", full, f"{used} of {lines}", why, file, line)
        return full

    def ring(self, rule: HuntRule, on: frozenset[str] | None = None) -> Hunt | None:
        """Add a hunt; None when no target of it can be reached.

        on: after which results of the target before it; None for what the rule says.
        """
        turn = self.snapshot.turns.get(rule.hunt.rotation, 0) if rule.hunt.rotation else 0
        hunt = rule.at(self.dice, turn, self.snapshot, self.trace)
        if not hunt.rounds:
            self.miss(rule.missed(self.snapshot))
            return None
        if on is not None:
            hunt = replace(hunt, on=on)
        if hunt.on and not self.steps:
            # What it is for has happened already: nothing before it can be reached.
            hunt = replace(hunt, on=_ANY)
        self.steps.append(hunt)
        return hunt

    def miss(self, why: str) -> None:
        """Note that a step is left out: its people are busy or do not answer, "" for no way."""
        self.left = _LEFT[why]
        if why:
            self.missed = why
        else:
            self.dead = True

    def speak(self, voice: VoiceStep) -> VoiceStep | None:
        """Add a step that speaks; None when it needs a media pool and there is none."""
        if MEDIA in self.snapshot.down and not isinstance(voice.act, EnterQueue):
            self.miss("")
            return None
        if voice.on and not self.steps:
            voice = VoiceStep(act=voice.act)
        self.steps.append(voice)
        return voice

    def at(self, schedule: Schedule) -> Hours:
        """Ask a schedule, once a call."""
        hours = self._hours.get(schedule.name)
        if hours is None:
            hours = schedule.hours(self.facts.at + self.snapshot.ahead, self.snapshot.overrides)
            self._hours[schedule.name] = hours
        return hours

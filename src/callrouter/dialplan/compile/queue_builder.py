"""Call queues of a file without mistakes, made into the values that `queues` and calls go by."""

from collections.abc import Mapping as MappingOf

from callrouter.dialplan.check.validation import Checker
from callrouter.dialplan.compile.hunt_builder import HuntBuilder, phones_of
from callrouter.dialplan.compile.step_builder import StepBuilder
from callrouter.dialplan.grammar.call_queues import AnnounceEntry, QueueEntry
from callrouter.dialplan.grammar.dialplan_file import DialplanFile
from callrouter.queues.call_back_book import CallBackRule
from callrouter.queues.queue_rules import QueueAgent, QueueRule, RetryDelays
from callrouter.route.rules.number_rules import Menu
from callrouter.route.rules.outbound_lines import OutboundLine
from callrouter.route.rules.queue_setup import (
    AgentTelephones,
    CallBackSetup,
    CallQueue,
    QueueAnnouncements,
)
from callrouter.route.values.opening_hours import Schedule
from callrouter.yamlfile.marked import Mapping


class QueueBuilder:
    """Builder of all queues and agents."""

    def __init__(self, file: str, checker: Checker, steps: StepBuilder) -> None:
        self._file = file
        self._checker = checker
        self._steps = steps

    def queues(self) -> dict[str, CallQueue]:
        """Build all queues."""
        built = {}
        for name, raw, place in self._checker.entries("queues").entries():
            entry = self._checker.queues[name]
            built[name] = CallQueue(
                rule=_rule(name, entry),
                music=entry.music or "",
                announcements=_announcements(entry.announce),
                keys=self._keys(name, entry, raw, place.line),
                file=self._file,
                line=place.line,
            )
        return built

    def call_backs(
        self,
        head: DialplanFile,
        hunts: HuntBuilder,
        schedules: MappingOf[str, Schedule],
    ) -> dict[str, CallBackSetup]:
        """Build all rules by which callers are called back."""
        built = {}
        default = "" if head.outbound is None else head.outbound.default or ""
        for name, _, place in self._checker.entries("call_backs").entries():
            entry = self._checker.call_backs[name]
            via = entry.via or self._checker.outbound_lines[default].via
            built[name] = CallBackSetup(
                rule=CallBackRule(
                    name=name,
                    queue=entry.queue,
                    attempts=entry.attempts,
                    delay_seconds=entry.delay,
                    within_seconds=entry.within,
                ),
                schedule=schedules.get(entry.schedule or ""),
                by=OutboundLine(
                    name=name,
                    prefixes=(),
                    caller_id="",
                    rule=hunts.dialled(f"call_back {name}", via, place.line),
                    file=self._file,
                    line=place.line,
                ),
                countries=frozenset((head.country, *entry.countries)),
                file=self._file,
                line=place.line,
            )
        return built

    def agents(self, schedules: MappingOf[str, Schedule]) -> dict[str, AgentTelephones]:
        """Say where the agents of all queues are rung, and when."""
        names = {
            agent.extension for entry in self._checker.queues.values() for agent in entry.agents
        }
        return {name: self._telephones(name, schedules) for name in sorted(names)}

    def _telephones(self, name: str, schedules: MappingOf[str, Schedule]) -> AgentTelephones:
        entry = self._checker.extensions[name]
        own = set(entry.targets or [phones_of(name)])
        # A target of another name may ring the same telephones.
        by_registration = {
            target
            for target, known in self._checker.targets.items()
            if known.extension == name and entry.phone is not None
        }
        rung = {
            self._checker.targets[target].extension if entry.targets else name for target in own
        }
        return AgentTelephones(
            extension=name,
            targets=frozenset(own | by_registration | {phones_of(name)}),
            registers=rung == {name},
            schedule=schedules.get(entry.schedule or ""),
        )

    def _keys(self, name: str, entry: QueueEntry, raw: Mapping, line: int) -> Menu | None:
        if not entry.keys:
            return None
        return Menu(
            name=name,
            prompts=(),
            choices=self._steps.choices(f"queue {name}", entry.keys, raw["keys"]),
            extensions=False,
            first_seconds=0.0,
            between_seconds=0.0,
            tries=1,
            invalid="",
            silent="",
            farewell="",
            file=self._file,
            line=line,
        )


def _rule(name: str, entry: QueueEntry) -> QueueRule:
    return QueueRule(
        name=name,
        agents=tuple(
            QueueAgent(name=agent.extension, skills=frozenset(agent.skills))
            for agent in entry.agents
        ),
        strategy=entry.strategy,
        ring_seconds=entry.ring,
        wrap_up_seconds=entry.wrap_up,
        max_wait_seconds=entry.max_wait or 0.0,
        max_length=entry.max_length or 0,
        retry=RetryDelays(
            no_answer=entry.after_no_answer, busy=entry.after_busy, reject=entry.after_reject
        ),
        away_after=entry.away_after or 0,
        weight=entry.weight,
        answer_within_seconds=entry.service_level,
    )


def _announcements(entry: AnnounceEntry | None) -> QueueAnnouncements | None:
    if entry is None:
        return None
    return QueueAnnouncements(
        every_seconds=entry.every,
        prompts=tuple(entry.prompts or ()),
        position=entry.position,
        wait=entry.wait,
    )

"""Hunts of the dialplan made into the trees that `route` arranges."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from callrouter.dialplan.check.validation import Checker
from callrouter.dialplan.compile.candidate_builder import CandidateBuilder
from callrouter.dialplan.compile.number_rows import EXTENSION, TARGET, VIA, RowTarget
from callrouter.dialplan.grammar import field_types as fields
from callrouter.dialplan.grammar.dialplan_file import TargetEntry
from callrouter.dialplan.grammar.hunts import HuntOptions, Rung, StepEntry
from callrouter.route.rules.hunt_strategies import ROUND_ROBIN, HuntRule, Leaf, Order
from callrouter.route.rules.number_table import ROW
from callrouter.route.values.media_steps import Confirm, Greeting
from callrouter.route.values.plan import Hunt, Target
from callrouter.route.values.seeded_random import Dice
from callrouter.route.values.snapshot import NOTHING

RING_ONE: Final = 55.0
_RING_SEVERAL: Final = 15.0
_REDIRECTS: Final = 5
# All 6xx but 600, which is only busy: they speak for every phone of the user.
_STOP_ON: Final = frozenset({603, 604, 606, 607, 608})
_LINE: Final = HuntOptions()
_RING_OUTSIDE: Final = 180.0
"""Who calls outside waits as long as a network usually lets it ring."""
_OPTIONS: Final = tuple(HuntOptions.model_fields)
_NONE: Final[frozenset[str]] = frozenset()
_KEPT: Final = 4096


def _hashable(options: HuntOptions, name: str) -> object:
    value = getattr(options, name)
    return tuple(value) if isinstance(value, list) else value


def phones_of(extension: str) -> str:
    """Name the target that an extension's registered telephones are."""
    return f"phones {extension}"


class HuntBuilder:
    """Builder of the hunts of a file without mistakes; what is shared there is one object here.

    hosts: those of targets in other files.
    """

    def __init__(
        self, file: str, checker: Checker, candidates: CandidateBuilder, hosts: Iterable[str] = ()
    ) -> None:
        self._file = file
        self._checker = checker
        self._candidates = candidates
        self._lines = {name: place.line for name, _, place in checker.entries("targets").entries()}
        self._targets = {**checker.targets, **self._phones()}
        self._places = {name: self._place(target) for name, target in self._targets.items()}
        found = {*hosts, *(place.address.host for place in self._places.values())}
        found.update(gateway.place.host for gateway in checker.gateways.values())
        self._hosts = frozenset(found)
        if checker.tables:
            # In the rules of a table it stands for what a row rings.
            self._targets[ROW] = TargetEntry.model_construct(extension="")
            self._places[ROW] = fields.SipPlace("", fields.SocketAddress("", 0), "")
            self._lines[ROW] = 0
        self._follows = False
        self._leaves: dict[tuple[str, float, float], Leaf] = {}
        self._rules: dict[tuple[object, ...], HuntRule] = {}
        # By identity, which is why the step is kept too: numbers written alike have the same.
        self._made: dict[tuple[int, bool], tuple[StepEntry, HuntRule]] = {}

    def step(self, rule: str, step: StepEntry, several: bool) -> HuntRule:
        """Build the hunt of a step. several: it is not the only target of its route."""
        made = self._made.get((id(step), several))
        if made is not None:
            return made[1]
        built = self._step(rule, step, several)
        # Turns are counted by the name of the rule, which is another in each number.
        if len(self._made) < _KEPT and (isinstance(step.hunt, str) or step.strategy != ROUND_ROBIN):
            self._made[id(step), several] = (step, built)
        return built

    def _step(self, rule: str, step: StepEntry, several: bool) -> HuntRule:
        on = _NONE if step.on is None else frozenset(step.on)
        options: HuntOptions = step
        named = step.hunt or ""
        if isinstance(named, str):
            rule = named
            options = group = self._checker.groups[named]
            listed = group.hunt
        else:
            listed = named
            if options.strategy != ROUND_ROBIN:
                rule = ", ".join(entry.name for entry in listed)
        key = (rule, *listed, several, on, *(_hashable(options, name) for name in _OPTIONS))
        known = self._rules.get(key)
        if known is None:
            known = self._rules[key] = self.hunt(rule, listed, options, several, on)
        greet, confirm = step.greet, step.confirm
        if greet is None and confirm is None:
            return known
        hunt = replace(
            known.hunt,
            greeting=None
            if greet is None
            else Greeting(prompts=tuple(greet.prompts), repeat=greet.repeat, answer=greet.answer),
            confirm=None
            if confirm is None
            else Confirm(key=confirm.key, prompt=confirm.prompt, wait_seconds=confirm.wait),
        )
        return HuntRule(known.order, hunt)

    def hunt(
        self,
        name: str,
        rung: Sequence[Rung],
        options: HuntOptions,
        several: bool,
        on: frozenset[str] = _NONE,
    ) -> HuntRule:
        """Build a hunt of names with options."""
        ring = options.ring or (_RING_SEVERAL if several else RING_ONE)
        order, rotation = self._order(name, rung, options, ring)
        if options.redirects == "follow" and not self._follows:
            self._follows = True
            self._candidates.follow(self._hosts)
        hunt = Hunt(
            name=name,
            rounds=order.rounds(Dice(0), 0, NOTHING),
            total_seconds=options.total or 0.0,
            stop_codes=_STOP_ON if options.stop_on is None else frozenset(options.stop_on),
            redirects=_REDIRECTS if options.redirects == "follow" else 0,
            redirect_hosts=self._hosts,
            on=on,
            rotation=rotation,
        )
        return HuntRule(order, hunt)

    def _order(
        self, name: str, rung: Sequence[Rung], options: HuntOptions, ring: float
    ) -> tuple[Order, str]:
        """Build a tree, and the name by which its turns are counted: its first rotation's."""
        rotation = name if options.strategy == ROUND_ROBIN else ""
        holds: list[Leaf | Order] = []
        for entry in rung:
            group = self._checker.groups.get(entry.name)
            if group is None:
                holds.append(self._leaf(entry.name, ring, options.progress))
                continue
            order, inner = self._order(entry.name, group.hunt, group, group.ring or ring)
            rotation = rotation or inner
            holds.append(order)
        weights = tuple(entry.weight for entry in rung)
        return Order(
            strategy=options.strategy,
            holds=tuple(holds),
            weights=weights,
            every_seconds=options.every or 0.0,
        ), rotation

    def row(self, rung: RowTarget) -> Leaf:
        """Build what rows of a table ring. It has no times, and what a row writes has no name."""
        if rung.column == TARGET:
            return self._leaf(rung.text, 0.0, 0.0)
        if rung.column == EXTENSION:
            return self._leaf(phones_of(rung.text), 0.0, 0.0)
        if rung.column == VIA:
            target = TargetEntry.model_construct(number="", via=rung.text)
        else:
            target = TargetEntry.model_construct(uri=rung.place)
        return self._built("", target, self._place(target), 0.0, 0.0)

    def dialled(self, label: str, via: str, line: int, rate_plan: str | None = None) -> HuntRule:
        """Build a hunt by a gateway, which has no number yet. label: names its target."""
        target = TargetEntry.model_construct(number="", via=via, rate_plan=rate_plan)
        self._lines[label] = line
        leaf = self._built(label, target, self._place(target), _RING_OUTSIDE, _LINE.progress)
        order = Order(strategy=_LINE.strategy, holds=(leaf,), weights=(1,), every_seconds=0.0)
        hunt = Hunt(
            name=label,
            rounds=order.rounds(Dice(0), 0, NOTHING),
            total_seconds=0.0,
            stop_codes=_STOP_ON,
            redirects=0,
            redirect_hosts=_NONE,
        )
        return HuntRule(order, hunt)

    def _leaf(self, name: str, ring: float, progress: float) -> Leaf:
        target = self._targets[name]
        ring = target.ring or ring
        known = self._leaves.get((name, ring, progress))
        if known is None:
            known = self._built(name, target, self._places[name], ring, progress)
            self._leaves[name, ring, progress] = known
        return known

    def _built(
        self,
        name: str,
        target: TargetEntry,
        place: fields.SipPlace,
        ring: float,
        progress: float,
    ) -> Leaf:
        uri, address, transport = place
        built = Target(
            name=name,
            uri=uri,
            host=address.host,
            port=address.port,
            transport=transport,
            ring_seconds=ring,
            progress_seconds=progress,
            tls_name=target.tls_name or "",
            extension=target.extension or "",
            rate_plan=target.rate_plan or "",
        )
        if target.via in self._checker.gateways:
            built = self._candidates.dialled(built, target, target.via)
        candidates = self._candidates.candidates(target, built)
        gateway = "" if candidates else target.via or ""
        line = self._lines.get(name, 0)
        extension = self._checker.extensions.get(built.extension)
        lines = 0 if extension is None else extension.lines or 0
        return Leaf(
            target=built,
            gateway=gateway,
            file=self._file,
            line=line,
            candidates=candidates,
            lines=lines,
        )

    def _phones(self) -> dict[str, TargetEntry]:
        """Targets that nobody wrote: the telephones of each extension, by a name only we write."""
        found = {}
        for name, _, place in self._checker.entries("extensions").entries():
            if self._checker.extensions[name].phone is not None:
                found[phones_of(name)] = TargetEntry(extension=name)
                self._lines[phones_of(name)] = place.line
        return found

    def _place(self, target: TargetEntry) -> fields.SipPlace:
        if target.uri is not None:
            return target.uri
        if target.extension is not None:
            return fields.SipPlace(f"sip:{target.extension}", fields.SocketAddress("", 0), "")
        assert target.via is not None  # noqa: S101 - the schema asks for one of them
        return self._candidates.place(target, target.via)

"""Number tables: numbers with the same rules, of which each has a row that says what it rings.

Theory: 100,000 numbers of a table differ in their key and in the user part of a URI or two. So a
table keeps the rules once, as a number whose hunts ring a placeholder, and of its rows only texts.
The number of a row is made when a call asks for it, in some 50 µs, and kept for the next call. So
neither loading, nor comparing, nor letting go of a dialplan has to do with a million values.
"""

from array import array
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from mypy_extensions import mypyc_attr

from callrouter.recent_cache import RecentCache
from callrouter.route.rules.hunt_strategies import HuntRule, Leaf, Order
from callrouter.route.rules.number_rules import Number, Step
from callrouter.route.values.plan import Target
from callrouter.route.values.seeded_random import Dice
from callrouter.route.values.snapshot import NOTHING
from callrouter.serializable import Serializable

ROW: Final = "row"
"""The name that the rules of a table have for what a row rings."""
_OWN: Final = f"{ROW} "
"""Begins the name of a target that stands in a row alone; the row's number follows."""
_KEPT: Final = 4096
"""Rows of which the number that was made is kept."""


@mypyc_attr(allow_interpreted_subclasses=True)
class NumberTable(Serializable):
    """A table of numbers.

    file: where its rows are. rules: a number without key that has the rules of all, and whose
    hunts ring the target `ROW` where they ring what the row says. keys, normals, lines: of each
    row, as a `Number` has them. targets: what rows ring, most of them several rows: a target
    without name has the row's, one without times has those of the hunt. chosen: the place in
    `targets` of each row's; empty when rows ring nothing of their own. users: what each row puts
    before the @ of its target's URI, "" for nothing.
    """

    def __init__(
        self,
        file: str,
        rules: Number,
        keys: list[str],
        normals: list[str],
        lines: "array[int]",
        targets: list[Leaf],
        chosen: "array[int]",
        users: list[str],
    ) -> None:
        self.file = file
        self.rules = rules
        self.keys = keys
        self.normals = normals
        self.lines = lines
        self.targets = targets
        self.chosen = chosen
        self.users = users

    def number(self, row: int) -> Number:
        """Make the number of a row, from 0."""
        rules = self.rules
        route, overflow, backup = rules.route, rules.overflow, rules.backup
        if self.chosen:
            made = _Row(self, row)
            route, overflow = made.steps(route), made.steps(overflow)
            backup = None if backup is None else made.hunt(backup)
        return replace(
            rules,
            key=self.keys[row],
            normal=self.normals[row],
            route=route,
            file=self.file,
            line=self.lines[row],
            overflow=overflow,
            backup=backup,
        )


class _Row:
    """One row of a table that says what it rings, and what its number is made of."""

    def __init__(self, table: NumberTable, row: int) -> None:
        self._key = table.keys[row]
        self._file = table.file
        self._line = table.lines[row]
        self._user = table.users[row]
        self._leaf = table.targets[table.chosen[row]]
        self._name = self._leaf.target.name or f"{_OWN}{self._key}"

    def steps(self, steps: tuple[Step, ...]) -> tuple[Step, ...]:
        """Put what the row rings into steps; those without it are shared by all rows."""
        return tuple(self._step(step) for step in steps)

    def _step(self, step: Step) -> Step:
        if step.several is None or step.alone is None or not _rings_row(step.several):
            return step
        several = self.hunt(step.several)
        alone = several if step.alone is step.several else self.hunt(step.alone)
        return replace(step, alone=alone, several=several)

    def hunt(self, rule: HuntRule) -> HuntRule:
        """Put what the row rings into a hunt."""
        if not _rings_row(rule):
            return rule
        order = self._order(rule.order)
        named = [self._name if name == ROW else name for name in rule.hunt.name.split(", ")]
        rotation = rule.hunt.rotation
        hunt = replace(
            rule.hunt,
            name=", ".join(named),
            rounds=order.rounds(Dice(0), 0, NOTHING),
            rotation=f"{rotation} {self._key}" if rotation else "",
        )
        return HuntRule(order, hunt)

    def _order(self, order: Order) -> Order:
        holds: list[Leaf | Order] = []
        for held in order.holds:
            if isinstance(held, Order):
                holds.append(self._order(held))
            else:
                holds.append(self._rung(held) if held.target.name == ROW else held)
        return replace(order, holds=tuple(holds))

    def _rung(self, place: Leaf) -> Leaf:
        """Make what the row rings, with the times of the placeholder where it has none."""
        leaf = self._leaf
        own = not leaf.target.name
        target = self._target(leaf.target, place.target)
        return Leaf(
            target=target,
            gateway=leaf.gateway,
            file=self._file if own else leaf.file,
            line=self._line if own else leaf.line,
            candidates=tuple(
                replace(it, target=self._target(it.target, place.target)) for it in leaf.candidates
            ),
        )

    def _target(self, target: Target, place: Target) -> Target:
        made = target.copied()
        made.name = self._name
        if self._user:
            made.uri = made.uri.replace("@", f"{self._user}@", 1)
        made.ring_seconds = made.ring_seconds or place.ring_seconds
        made.progress_seconds = place.progress_seconds
        return made


def _rings_row(rule: HuntRule) -> bool:
    return any(leaf.target.name == ROW for leaf in rule.leaves)


@mypyc_attr(allow_interpreted_subclasses=True)
class Numbers(Serializable):
    """All numbers of a dialplan by key: those with rules of their own, then the rows of tables.

    written: the former. tables: the latter; their numbers are made when asked for.
    """

    def __init__(self, written: list[Number], tables: tuple[NumberTable, ...] = ()) -> None:
        self.written = {number.key: number for number in written}
        self.tables = tables
        # Rows are counted through all tables.
        self._rows: dict[str, int] = {}
        self._normal: dict[str, int] = {}
        self._made = RecentCache[int, Number](_KEPT)
        self._firsts: list[int] = []
        first = 0
        for table in tables:
            self._firsts.append(first)
            rows = range(first, first + len(table.keys))
            self._rows.update(zip(table.keys, rows, strict=True))
            self._normal.update(zip(table.normals, rows, strict=True))
            first = rows.stop

    def __len__(self) -> int:
        return len(self.written) + len(self._rows)

    def __contains__(self, key: object) -> bool:
        return key in self.written or key in self._rows

    def __iter__(self) -> Iterator[str]:
        yield from self.written
        yield from self._rows

    def __getitem__(self, key: str) -> Number:
        number = self.get(key)
        if number is None:
            raise KeyError(key)
        return number

    def get(self, key: str) -> Number | None:
        """Return the number with a key, None when there is none."""
        number = self.written.get(key)
        return self._row(self._rows.get(key)) if number is None else number

    def values(self) -> Iterator[Number]:
        """Give all, in order."""
        for key in self:
            yield self[key]

    def items(self) -> Iterator[tuple[str, Number]]:
        """Give all with their keys, in order."""
        for key in self:
            yield key, self[key]

    def rings(self, target: str) -> bool:
        """Say whether a row rings a target of its own by this name."""
        return target.startswith(_OWN) and target.removeprefix(_OWN) in self._rows

    def row(self, form: str, *, written: bool) -> Number | None:
        """Return the number of the row that has a form, None for none.

        form: in E.164; or as in the table, when it is written there.
        """
        row = self._normal.get(form)
        if row is None and written:
            row = self._rows.get(form)
        return self._row(row)

    def _row(self, row: int | None) -> Number | None:
        if row is None:
            return None
        number = self._made.get(row)
        if number is None:
            number = self._make(row)
            self._made.put(row, number)
        return number

    def _make(self, row: int) -> Number:
        table = bisect_right(self._firsts, row) - 1
        return self.tables[table].number(row - self._firsts[table])

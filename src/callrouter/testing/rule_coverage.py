"""Coverage of a dialplan by its tests: which rules none has reached.

Theory: a rule is whatever can leave a verdict of its own: an entry of a section, a step of a
route, a list in `block:`, a limit. A call reaches it when a verdict of its trace names it and
matched, so a limit is reached by a call that it refuses. What has no verdict of its own is reached
with what leads to it: a target or a group when it rings, a schedule when a step asks it.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from callrouter.dialplan.check.group_nesting import rung
from callrouter.route.values.plan import Verdict
from callrouter.yamlfile.marked import Document, Mapping

_SHARED = ("areas", "countries", "auto_block")
"""Limits whose verdicts name the rules they are of: the number, or the table of many."""
_LIMITS = (*_SHARED, "suspended", "lines", "backup")


class ReachableRule:
    """One rule that can be reached. by: the marks of calls, any of which reaches it."""

    __slots__ = ("by", "line", "name")

    def __init__(self, name: str, line: int, *by: str) -> None:
        self.name = name
        self.line = line
        self.by = frozenset(by or (name,))


class Coverage:
    """Coverage of one dialplan by its tests. rules: in file order."""

    def __init__(self, document: Document) -> None:
        self.file = document.file
        self.rules = sorted(_Rules(document).all(), key=lambda rule: rule.line)
        self._marks: set[str] = set()

    def add(self, trace: Iterable[Verdict], rung: Iterable[str]) -> None:
        """Count what one call has reached. rung: targets."""
        for verdict in trace:
            self._marks.add(_asked(verdict.rule))
            self._marks.add(_in(verdict.file))
            if verdict.matched:
                self._marks.add(verdict.rule)
                self._marks.add(_at(verdict.rule, verdict.line))
        self._marks.update(f"target {name}" for name in rung)

    def unreached(self) -> list[ReachableRule]:
        """Return the rules that no call has reached, in file order."""
        return [rule for rule in self.rules if self._marks.isdisjoint(rule.by)]


def _asked(rule: str) -> str:
    """The mark of a rule that was looked at, whether it matched or not."""
    return f"asked {rule}"


def _at(rule: str, line: int) -> str:
    """The mark of a rule of which there are several by the same name."""
    return f"{rule} on line {line}"


def _in(file: str) -> str:
    """The mark of a file that a rule stands in: of a table, any row will do."""
    return f"in {file}"


class _Rules:
    """Finds the rules of a document that compiles."""

    def __init__(self, document: Document) -> None:
        self._data: Mapping = document.data
        self._folder = Path(document.file).parent
        self._schedules: dict[str, set[str]] = {}
        self._groups: dict[str, set[str]] = {}
        self._lists: dict[str, set[str]] = {}

    def all(self) -> Iterator[ReachableRule]:
        """Give all rules; the numbers first, because they lead to the others."""
        for key, number, place in self._entries("numbers"):
            rule = f"number {key}"
            yield ReachableRule(rule, place.line)
            yield from self._number(rule, number, _LIMITS)
        for name, table, place in self._entries("number_tables"):
            rule = f"table {name}"
            yield ReachableRule(rule, place.line, _in(str(self._folder / table["file"])))
            yield from self._number(rule, table, _SHARED)
        yield from self._menus()
        yield from self._uses(self._data)
        if "auto_block" in self._data:
            yield ReachableRule("auto_block", self._data.find("auto_block")[0].line)
        yield from self._outbound()
        for section, kind in (("trunks", "trunk"), ("extensions", "extension")):
            for name, entry, place in self._entries(section):
                yield ReachableRule(f"{kind} {name}", place.line)
                if "lines" in entry:
                    yield ReachableRule(f"lines of {kind} {name}", entry.find("lines")[0].line)
        for name, _, place in self._entries("targets"):
            yield ReachableRule(f"target {name}", place.line)
        led = (("schedules", self._schedules), ("groups", self._groups), ("lists", self._lists))
        for section, ways in led:
            for name, _, place in self._entries(section):
                rule = f"{section[:-1]} {name}"
                yield ReachableRule(rule, place.line, *ways.get(name, (rule,)))

    def _entries(self, section: str) -> Iterator[tuple[str, Any, Any]]:
        found = self._data.get(section)
        return found.entries() if isinstance(found, Mapping) else iter(())

    def _number(self, rule: str, number: Mapping, limits: Iterable[str]) -> Iterator[ReachableRule]:
        yield from self._uses(number)
        for limit in limits:
            if number.get(limit):
                yield ReachableRule(f"{limit} of {rule}", number.find(limit)[0].line)
        if number.get("suspended"):
            return  # nobody comes further
        countries = number.get("countries") or {}
        for name in countries.get("except") or ():
            self._lists.setdefault(name, set()).add(_asked(f"countries of {rule}"))
        self._lead(number.get("backup"), f"backup of {rule}")
        for key, of in (("route", rule), ("overflow", f"overflow of {rule}")):
            for index, step in enumerate(number.get(key) or ()):
                name = f"step {index + 1} of {of}"
                yield ReachableRule(name, number[key].find(index).line)
                self._step(step, name)

    def _step(self, step: Mapping, rule: str) -> None:
        """Note what a step leads to."""
        self._lead(step.get("hunt"), rule)
        when = step.get("when")
        if when:
            self._schedules.setdefault(when["schedule"], set()).add(_asked(rule))

    def _outbound(self) -> Iterator[ReachableRule]:
        """Give lines to outside, and permissions."""
        for section, kind in (("outbound_lines", "line"), ("permissions", "permission")):
            for name, entry, place in self._entries(section):
                yield ReachableRule(f"{kind} {name}", place.line)
                for denied in entry.get("deny") or ():
                    self._lists.setdefault(denied, set()).add(f"deny {denied}")

    def _menus(self) -> Iterator[ReachableRule]:
        """Give what the keys of menus do."""
        for name, menu, place in self._entries("menus"):
            for keys, chosen, where in (menu.get("keys") or Mapping()).entries():
                rule = f"key {keys} of menu {name}"
                yield ReachableRule(rule, where.line)
                if isinstance(chosen, Mapping):
                    self._step(chosen, rule)
                else:
                    self._lead(chosen, rule)
            if menu.get("extensions"):
                yield ReachableRule(f"extensions of menu {name}", place.line)

    def _uses(self, owner: Mapping) -> Iterator[ReachableRule]:
        """Give the lists that the dialplan or a number uses, each use a rule of its own."""
        for key in ("allow", "block"):
            for index, name in enumerate(owner.get(key) or ()):
                rule = f"{key} {name}"
                line = owner[key].find(index).line
                self._lists.setdefault(name, set()).add(rule)
                yield ReachableRule(rule, line, _at(rule, line))

    def _lead(self, hunt: Any, rule: str) -> None:
        """Note that a rule leads to groups, and these to further ones."""
        for item in [hunt] if isinstance(hunt, str) else hunt or ():
            name = rung(item) or ""
            groups = self._data.get("groups") or {}
            if name in groups and rule not in self._groups.setdefault(name, set()):
                self._groups[name].add(rule)
                self._lead(groups[name]["hunt"], rule)

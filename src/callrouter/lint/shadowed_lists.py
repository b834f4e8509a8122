"""Lists of callers that can change nothing, and entries that others contain."""

from collections.abc import Iterator
from typing import Final

from callrouter.lint.findings import Findings
from callrouter.lint.impossible_numbers import impossible_numbers
from callrouter.lint.list_entries import Forms, ListEntry, WrittenList

# Pairs of lists that are compared entry by entry; more would take too long.
_PAIRS: Final = 100

Use = tuple[str, str]
"""`allow`, `block`, `only` or `except`, and the number that it stands at, "" for all numbers."""


def shadowed_lists(found: Findings) -> None:
    """Warn of lists that are blocked or allowed twice, and of entries that others contain."""
    _named_twice(found)
    _areas(found)
    forms = Forms(found.document.data["country"])
    lists = {name: WrittenList(found, forms, name) for name in found.section("lists")}
    impossible_numbers(found, list(lists.values()))
    told: set[int] = set()
    for one in lists.values():
        for entry in one.entries:
            by = one.container(entry)
            if by is not None:
                told.add(id(entry))
                _warn(found, one, entry, f"'{entry.text}' is in the list by '{by.text}' already")
    for one, other, allows in _pairs(found, lists):
        for entry in one.entries:
            by = None if id(entry) in told else other.container(entry)
            if by is None or id(by) in told:
                continue
            told.add(id(entry))
            if allows:
                message = f"'{entry.text}' is never blocked: list '{other.name}' allows '{by.text}'"
            else:
                message = f"'{entry.text}' is in list '{other.name}' by '{by.text}' already"
            _warn(found, one, entry, message)


def _warn(found: Findings, listed: WrittenList, entry: ListEntry, message: str) -> None:
    if entry.line:
        found.elsewhere(listed.file, entry.line, message)
    else:
        found.at_value(entry.path, message)


def _named_twice(found: Findings) -> None:
    data = found.document.data
    everywhere = {kind: set(data.get(kind) or ()) for kind in ("allow", "block")}
    for index, name in enumerate(data.get("block") or ()):
        if name in everywhere["allow"]:
            found.at_value(("block", index), f"list '{name}' is allowed too, which counts first")
    for key, number in found.section("numbers").items():
        for kind in ("allow", "block"):
            for index, name in enumerate(number.get(kind) or ()):
                path = ("numbers", key, kind, index)
                if name in everywhere[kind]:
                    found.at_value(path, f"list '{name}' is in '{kind}' for all numbers already")
                elif kind == "block" and name in {
                    *everywhere["allow"],
                    *(number.get("allow") or ()),
                }:
                    found.at_value(path, f"list '{name}' is allowed too, which counts first")


def _areas(found: Findings) -> None:
    for key, number in found.section("numbers").items():
        areas = number.get("areas") or {}
        refused = set(areas.get("refuse") or ())
        for index, area in enumerate(areas.get("allow") or ()):
            if area in refused:
                message = f"'{area}' is refused too, which counts first"
                found.at_value(("numbers", key, "areas", "allow", index), message)


def _pairs(
    found: Findings, lists: dict[str, WrittenList]
) -> Iterator[tuple[WrittenList, WrittenList, bool]]:
    """Give each list with another that is used wherever it is, or allowed wherever it is blocked.

    The third: it is allowed. Later lists come first: of equal entries theirs are the ones too many.
    """
    uses = _uses(found)
    names = [name for name in lists if uses[name]]
    left = _PAIRS
    for name in reversed(names):
        blocks = all(kind == "block" for kind, _ in uses[name])
        allowing = {("allow", number) for _, number in uses[name]}
        for other in names:
            if name == other:
                continue
            allows = blocks and _holds(uses[other], allowing)
            if not allows and not _holds(uses[other], uses[name]):
                continue
            yield lists[name], lists[other], allows
            left -= 1
            if not left:
                return


def _holds(uses: set[Use], wanted: set[Use]) -> bool:
    """Say whether a list is used at all of these places."""
    return all((kind, number) in uses or (kind, "") in uses for kind, number in wanted)


def _uses(found: Findings) -> dict[str, set[Use]]:
    """Return where each list is used."""
    uses: dict[str, set[Use]] = {name: set() for name in found.section("lists")}
    rules = [("", found.document.data), *found.section("numbers").items()]
    for number, rule in rules:
        for kind in ("allow", "block", "only"):
            for name in rule.get(kind) or ():
                uses[name].add((kind, number))
        countries = rule.get("countries")
        if countries:
            for name in countries.get("except") or ():
                uses[name].add(("except", number))
    return uses

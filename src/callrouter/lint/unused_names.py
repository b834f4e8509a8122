"""Names that nothing uses."""

from collections.abc import Iterator
from typing import Any

from callrouter.dialplan.grammar.builtin_prompts import BUILTIN
from callrouter.lint.findings import Findings, names
from callrouter.yamlfile.reader import Mapping


def unused(found: Findings) -> None:
    """Warn of what has a name and is needed by nothing."""
    rung = _rung(found)
    numbers = found.section("numbers").values()
    dialled = {target.get("via") for target in found.section("targets").values()}
    stand_ins = {
        member["name"]
        for group in found.section("gateway_groups").values()
        for member in group["gateways"]
    }
    uses = {
        "gateways": dialled | stand_ins,
        "gateway_groups": dialled,
        "targets": rung,
        "groups": rung,
        "schedules": {name for _, step in found.steps() for name in _schedules(step)},
        "lists": _lists(found),
        "lookups": {number.get("lookup") for number in numbers},
    }
    for section, used in uses.items():
        for name in found.section(section):
            if name not in used:
                found.at_key(
                    (section, name), f"no rule uses {section[:-1].replace('_', ' ')} '{name}'"
                )
    extensions = found.section("extensions")
    menus = found.section("menus").values()
    if extensions and not any(map(_names_extensions, (*numbers, *menus))):
        message = "neither 'to_header', 'lookup' nor a menu asks for extensions: none is ever rung"
        found.at_key(("extensions",), message)


def _names_extensions(rule: Mapping) -> bool:
    """Say whether calls come to extensions by a number (To header, look-up) or a menu."""
    return any(rule.get(key) for key in ("to_header", "lookup", "extensions"))


def _rung(found: Findings) -> set[str]:
    """Return all that something may ring."""
    rung = set(names(found.document.data.get("backup")))
    for extension in found.section("extensions").values():
        rung.update(extension.get("targets", ()))
    for group in found.section("groups").values():
        rung.update(names(group["hunt"]))
    for number in found.section("numbers").values():
        rung.update(names(number.get("backup")))
    for _, step in found.steps():
        rung.update(names(step.get("hunt")))
    for menu in found.section("menus").values():
        rung.update(chosen for chosen in menu.get("keys", {}).values() if isinstance(chosen, str))
    return rung


def _schedules(step: Mapping) -> Iterator[Any]:
    for part in ("when", "feature"):
        entry = step.get(part)
        if isinstance(entry, Mapping):
            yield entry.get("schedule")


def _lists(found: Findings) -> set[str]:
    used: set[str] = set()
    for rule in (found.document.data, *found.section("numbers").values()):
        used.update(rule.get("allow") or ())
        used.update(rule.get("block") or ())
        used.update(rule.get("only") or ())
        countries = rule.get("countries")
        if isinstance(countries, Mapping):
            used.update(countries.get("except") or ())
    return used


def unused_prompts(found: Findings) -> None:
    """Warn of prompts whose name stands nowhere; one in a built-in prompt's place needs no use."""
    prompts = found.section("prompts")
    if not prompts:
        return
    rest = [part for key, part in found.document.data.items() if key != "prompts"]
    used = set(_texts(rest, set()))
    for name in prompts:
        if name not in used and name not in BUILTIN:
            found.at_key(("prompts", name), f"no rule uses prompt '{name}'")


def _texts(node: Any, seen: set[int]) -> Iterator[str]:
    """Give all texts that are values. seen: equal parts of a big file are one object."""
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict | list) and id(node) not in seen:
        seen.add(id(node))
        for part in node.values() if isinstance(node, dict) else node:
            yield from _texts(part, seen)

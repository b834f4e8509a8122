"""What has a name that nothing uses."""

from typing import Any

from callrouter.dialplan.yaml import Mapping
from callrouter.lint.found import Found, names


def unused(found: Found) -> None:
    """Warn of gateways, targets, extensions, groups, schedules and lists that nothing needs."""
    rung = _rung(found)
    numbers = found.section("numbers").values()
    uses = {
        "gateways": {target.get("via") for target in found.section("targets").values()},
        "targets": rung,
        "groups": rung,
        "schedules": {_schedule(step) for _, step in found.steps()},
        "lists": _lists(found),
    }
    for section, used in uses.items():
        for name in found.section(section):
            if name not in used:
                found.at_key((section, name), f"no rule uses {section[:-1]} '{name}'")
    extensions = found.section("extensions")
    if extensions and not any(number.get("to_header") for number in numbers):
        message = "no number has 'to_header: extensions', so no extension is ever rung"
        found.at_key(("extensions",), message)


def _rung(found: Found) -> set[str]:
    """Return all that something may ring."""
    rung = set(names(found.document.data.get("backup")))
    for extension in found.section("extensions").values():
        rung.update(extension["targets"])
    for group in found.section("groups").values():
        rung.update(names(group["hunt"]))
    for number in found.section("numbers").values():
        rung.update(names(number.get("backup")))
    for _, step in found.steps():
        rung.update(names(step["hunt"]))
    return rung


def _schedule(step: Mapping) -> Any:
    when = step.get("when")
    return when["schedule"] if isinstance(when, Mapping) else None


def _lists(found: Found) -> set[str]:
    used: set[str] = set()
    for rule in (found.document.data, *found.section("numbers").values()):
        used.update(rule.get("allow") or ())
        used.update(rule.get("block") or ())
        countries = rule.get("countries")
        if isinstance(countries, Mapping):
            used.update(countries.get("except") or ())
    return used

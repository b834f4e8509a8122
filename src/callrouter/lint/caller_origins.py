"""Feature codes and messages that the wrong callers reach, or none."""

from collections.abc import Iterator
from typing import Final

from callrouter.dialplan.grammar.names import ANYONE, EXTENSIONS
from callrouter.lint.findings import Findings, Path, listed
from callrouter.yamlfile.marked import Mapping

_SAYS: Final = {
    "presence": "switches who is away",
    "forward": "forwards calls of extensions",
    "schedule": "switches opening hours",
    "supervise": "lets conversations be heard",
    "messages": "lets messages be heard",
}


def origins(found: Findings) -> None:
    """Warn of numbers with such steps that outsiders may call, and of those that nobody may."""
    trunks = found.section("trunks")
    inside = {name for name, trunk in trunks.items() if trunk.get("phones")}
    for key, number in found.section("numbers").items():
        named = number.get("from")
        names = [named] if isinstance(named, str) else list(named or ())
        path: Path = ("numbers", key)
        if named is None:
            what = "" if inside else next(_reached(found, number), "")
            if what:
                message = (
                    f"nobody can do it: it {what}, which is for extensions, and no trunk has "
                    "'phones: true'; say who may in 'from'"
                )
                found.at_key(path, message)
            continue
        if EXTENSIONS in names and not inside:
            message = "no telephone can call it: no trunk has 'phones: true'"
            found.at_value((*path, "from"), message)
        outside = [name for name in trunks if name not in inside and name in names]
        said = "anyone" if ANYONE in names else listed(outside)
        what = next(_reached(found, number), "") if outside or ANYONE in names else ""
        if what:
            whom = "anyone" if said == "anyone" else f"callers of {said}"
            found.at_value((*path, "from"), f"'{key}' {what}: {whom} can do so")


def _reached(found: Findings, number: Mapping) -> Iterator[str]:
    """Give what the steps of a number do that is for the house, those of its menus too."""
    menus = found.section("menus")
    seen: set[str] = set()
    left = list(_own_steps(number))
    for step in left:  # grows meanwhile
        what = _code(step)
        if what:
            yield what
        menu = str(step.get("menu"))
        if menu in menus and menu not in seen:
            seen.add(menu)
            left += [s for s in (menus[menu].get("keys") or {}).values() if isinstance(s, Mapping)]


def _own_steps(number: Mapping) -> Iterator[Mapping]:
    for part in ("route", "overflow"):
        yield from number.get(part) or ()


def _code(step: Mapping) -> str:
    """Say what a step does that is for the house, "" for nothing."""
    feature = step.get("feature")
    if feature is not None:
        return next(said for key, said in _SAYS.items() if feature.get(key))
    return _SAYS["messages"] if step.get("messages") is not None else ""

"""Names that nothing uses."""

from typing import Final

from callrouter.dialplan.grammar.builtin_prompts import BUILTIN
from callrouter.dialplan.grammar.dialplan_file import DialplanFile
from callrouter.dialplan.grammar.names import uses
from callrouter.lint.findings import Findings
from callrouter.yamlfile.reader import Mapping

_SECTIONS: Final = {
    **dict.fromkeys(
        ("gateways", "gateway_groups", "targets", "groups", "schedules"), "no rule uses"
    ),
    **dict.fromkeys(("lists", "lookups", "prompts"), "no rule uses"),
    "menus": "no step leads to",
    "voicemail": "no step uses",
}
_NOUNS: Final = {"voicemail": "voicemail box", "gateway_groups": "gateway group"}


def unused(found: Findings) -> None:
    """Warn of what has a name and is needed by nothing."""
    used: dict[str, set[str]] = {section: set() for section in _SECTIONS}
    # A prompt in the place of a built-in one needs no use.
    used["prompts"].update(BUILTIN)
    for _, named, name in uses(DialplanFile, found.document.data):
        for section in named.sections:
            used.setdefault(section, set()).add(name)
    for section, nothing in _SECTIONS.items():
        for name in found.section(section):
            if name not in used[section]:
                noun = _NOUNS.get(section, section[:-1])
                found.at_key((section, name), f"{nothing} {noun} '{name}'")
    rules = (*found.section("numbers").values(), *found.section("menus").values())
    if found.section("extensions") and not any(map(_names_extensions, rules)):
        message = "neither 'to_header', 'lookup' nor a menu asks for extensions: none is ever rung"
        found.at_key(("extensions",), message)


def _names_extensions(rule: Mapping) -> bool:
    """Say whether calls come to extensions by a number (To header, look-up) or a menu."""
    return any(rule.get(key) for key in ("to_header", "lookup", "extensions"))

"""Names that nothing uses."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from callrouter.dialplan.grammar.builtin_prompts import BUILTIN
from callrouter.dialplan.grammar.dialplan_file import DialplanFile
from callrouter.dialplan.grammar.names import uses
from callrouter.lint.findings import Findings
from callrouter.yamlfile.marked import Mapping

_SECTIONS: Final = {
    **dict.fromkeys(
        ("gateways", "gateway_groups", "targets", "groups", "schedules"), "no rule uses"
    ),
    **dict.fromkeys(("lists", "lookups", "prompts"), "no rule uses"),
    "menus": "no step leads to",
    "queues": "no step leads to",
    "call_backs": "no number and no step has",
    "voicemail": "no step uses",
}
_COLUMNS: Final = {
    "target": ("targets",),
    "via": ("gateways", "gateway_groups"),
    "extension": ("extensions",),
}
"""Columns in which the rows of a table name something, with what defines it."""
_NOUNS: Final = {
    "voicemail": "voicemail box",
    "gateway_groups": "gateway group",
    "call_backs": "rule",
}


def unused(found: Findings) -> None:
    """Warn of what has a name and is needed by nothing."""
    used: dict[str, set[str]] = {section: set() for section in _SECTIONS}
    # A prompt in the place of a built-in one needs no use.
    used["prompts"].update(BUILTIN)
    for _, named, name in uses(DialplanFile, found.document.data):
        for section in named.sections:
            used.setdefault(section, set()).add(name)
    for sections, name in _of_rows(found):
        for section in sections:
            used.setdefault(section, set()).add(name)
    for section, nothing in _SECTIONS.items():
        for name in found.section(section):
            if name not in used[section]:
                noun = _NOUNS.get(section, section[:-1])
                found.at_key((section, name), f"{nothing} {noun} '{name}'")
    asking = ("numbers", "number_tables", "menus")
    rules = [rule for section in asking for rule in found.section(section).values()]
    by_rows = used.get("extensions")
    calling = any("phone" in it for it in found.section("extensions").values()) and any(
        trunk.get("phones") for trunk in found.section("trunks").values()
    )
    asked = by_rows or calling or any(map(_names_extensions, rules))
    if found.section("extensions") and not asked:
        message = "neither 'to_header', 'lookup' nor a menu asks for extensions: none is ever rung"
        found.at_key(("extensions",), message)


def _of_rows(found: Findings) -> Iterator[tuple[tuple[str, ...], str]]:
    """Give what the rows of tables name, with the sections that may define it."""
    for entry in found.section("number_tables").values():
        path = Path(found.document.file).parent / entry["file"]
        with path.open(encoding="utf-8-sig", newline="") as rows:
            for row in csv.DictReader(rows):
                for column, sections in _COLUMNS.items():
                    if row.get(column):
                        yield sections, row[column]


def _names_extensions(rule: Mapping) -> bool:
    """Say whether calls come to extensions by a number (To header, look-up) or a menu."""
    return any(rule.get(key) for key in ("to_header", "lookup", "extensions"))

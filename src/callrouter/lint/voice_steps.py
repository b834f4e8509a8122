"""Calls that are recorded without a word, and parts of what callers hear that nothing leads to."""

from typing import Any

from callrouter.lint.findings import Findings


def silent_recordings(found: Findings) -> None:
    """Warn of numbers whose callers are not told that they are recorded."""
    for key, raw in found.section("numbers").items():
        record = raw.get("record") if isinstance(raw, dict) else None
        if isinstance(record, dict) and record.get("notice") is False:
            country = found.document.data.get("country")
            message = f"callers are not told of the recording; the law of {country} may ask for it"
            found.at_key(("numbers", key, "record", "notice"), message)


def unused_voices(found: Findings) -> None:
    """Warn of menus and voicemail boxes that no step leads to."""
    used: dict[str, set[str]] = {"menu": set(), "voicemail": set(), "messages": set()}
    _gather([found.section("numbers"), found.section("menus")], used, set())
    for name in found.section("menus"):
        if name not in used["menu"]:
            found.at_key(("menus", name), f"no step leads to menu '{name}'")
    for name in found.section("voicemail"):
        if name not in used["voicemail"] | used["messages"]:
            found.at_key(("voicemail", name), f"no step uses voicemail box '{name}'")


def _gather(node: Any, used: dict[str, set[str]], seen: set[int]) -> None:
    """Collect the names that steps say. seen: equal parts of a big file are one object."""
    if not isinstance(node, dict | list) or id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, dict):
        for key, names in used.items():
            name = node.get(key)
            if isinstance(name, str):
                names.add(name)
    for part in node.values() if isinstance(node, dict) else node:
        _gather(part, used, seen)

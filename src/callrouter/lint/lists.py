"""Lists of callers that can change nothing, and entries that others contain."""

from collections.abc import Iterator
from typing import Any, Final

import phonenumbers

from callrouter.dialplan.callers import international_prefix
from callrouter.lint.found import Found
from callrouter.route import numbers

# A list of more is written by a program.
_COMPARED: Final = 20000


def shadowed_lists(found: Found) -> None:
    """Warn of lists that are blocked or allowed twice, and of entries that others contain."""
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
        areas = number.get("areas") or {}
        refused = set(areas.get("refuse") or ())
        for index, area in enumerate(areas.get("allow") or ()):
            if area in refused:
                message = f"'{area}' is refused too, which counts first"
                found.at_value(("numbers", key, "areas", "allow", index), message)
    for name, entry in found.section("lists").items():
        for kind, index, text, by in _contained(entry, data["country"]):
            message = f"'{text}' is in the list by '{by}' already"
            found.at_value(("lists", name, kind, index), message)


class _Forms:
    """How the entries of lists are compared: in E.164, and as written for short numbers."""

    def __init__(self, country: str) -> None:
        self._country = country
        self._code = str(numbers.country_code(country))
        known = phonenumbers.PhoneMetadata.metadata_for_region(country)
        self._trunk = (known.national_prefix or "") if known is not None else ""

    def prefix(self, text: str) -> str:
        """Return first digits as they are compared."""
        return international_prefix(text.removesuffix("*"), self._code, self._trunk)

    def number(self, text: str) -> str:
        """Return a number as it is compared with first digits, "" for a short one."""
        return numbers.e164(text, self._country).removeprefix("+")


def _contained(entry: Any, country: str) -> Iterator[tuple[str, int, str, str]]:
    """Give the entries of a list that a shorter one, or one before, contains."""
    forms = _Forms(country)
    prefixes = list(entry.get("prefixes") or ())[:_COMPARED]
    by_form = {forms.prefix(text): text for text in reversed(prefixes)}
    seen: set[str] = set()
    for index, text in enumerate(prefixes):
        form = forms.prefix(text)
        by = by_form[form] if form in seen else _beginning(form[:-1], by_form)
        seen.add(form)
        if by:
            yield "prefixes", index, text, by
    as_written = {text.removesuffix("*").removeprefix("+"): text for text in reversed(prefixes)}
    first: dict[str, str] = {}
    for index, text in enumerate(list(entry.get("numbers") or ())[:_COMPARED]):
        form = forms.number(text)
        by = _beginning(form, by_form) if form else _beginning(text, as_written)
        by = by or first.get(form or text, "")
        first.setdefault(form or text, text)
        if by:
            yield "numbers", index, text, by


def _beginning(form: str, known: dict[str, str]) -> str:
    """Return what of the known texts a form begins with, "" for nothing."""
    for end in range(1, len(form) + 1):
        if form[:end] in known:
            return known[form[:end]]
    return ""

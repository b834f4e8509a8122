"""Telephone numbers that nobody can have, such as those of before a renumbering."""

from typing import Final

import phonenumbers

from callrouter.dialplan.areas.list_files import is_ambiguous
from callrouter.dialplan.grammar import field_types as fields
from callrouter.lint.findings import Findings
from callrouter.lint.list_entries import ListEntry, WrittenList
from callrouter.route.callers import telephone_numbers as numbers

# Shorter ones are extensions, services and codes, which no numbering plan tells of.
_SHORTEST: Final = 8


def impossible_numbers(found: Findings, lists: list[WrittenList]) -> None:
    """Warn of them in lists, in their files, in targets and among the numbers that are called."""
    country = found.document.data["country"]
    code = str(numbers.country_code(country))
    for listed in lists:
        for entry in listed.entries:
            why = _prefix(entry, code) if entry.is_prefix else impossible(entry.text, country)
            if why and entry.line:
                found.elsewhere(listed.file, entry.line, why)
            elif why:
                found.at_value(entry.path, why)
    for name, target in found.section("targets").items():
        why = impossible(target.get("number") or "", country)
        if why:
            found.at_value(("targets", name, "number"), why)
        # A user without + may be a name of the other side's that happens to be digits.
        user = (target.get("uri") or "").partition(":")[2].partition("@")[0].partition(";")[0]
        why = impossible(user, country) if user.startswith("+") else ""
        if why:
            found.at_value(("targets", name, "uri"), why)
    for key in found.section("numbers"):
        why = impossible(key, country) if fields.is_written_out(key) else ""
        if why:
            found.at_key(("numbers", key), why)


def _prefix(entry: ListEntry, code: str) -> str:
    """Say why first digits are nobody's, or another's than they seem; "" when neither is so."""
    if not numbers.some_country_has(entry.form):
        return f"'{entry.text}' can begin nobody's number: no country has that code"
    if is_ambiguous(entry.text, entry.form, code):
        return f"'{entry.text}' is +{entry.form} here, and not +{entry.text}: write which is meant"
    return ""


def impossible(text: str, country: str) -> str:
    """Say why a text cannot be anybody's telephone number; "" when it can, or is none at all."""
    text = numbers.without_separators(text)
    digits = text.removeprefix("+")
    international = text != digits or digits.startswith("00")
    if not digits.isdecimal() or (len(digits) < _SHORTEST and not international):
        return ""
    try:
        number = phonenumbers.parse(text if text != digits else digits, country)
    except phonenumbers.NumberParseException:
        return f"'{text}' can be nobody's number: no country has that code"
    if phonenumbers.is_valid_number(number):
        return ""
    of = f"+{number.country_code}"
    if number.country_code == numbers.country_code(country):
        of = country
    return f"'{text}' can be nobody's number: the numbering plan of {of} has none like it"

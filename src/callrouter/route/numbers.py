"""Telephone numbers: what was dialled, read in a country, as one number.

Theory: the same number arrives as 02012345678, +862012345678, 00862012345678 or 862012345678.
All are read by `phonenumbers` and written in E.164. A text that is no telephone number (4000,
95588, reception) stays what it is.

Rule: with a country code or a national prefix in front, a possible length is enough, because
numbering plans grow faster than their metadata; a bare text must be a number that exists, or else
internal numbers of seven digits would become land lines.

Reading costs tens of microseconds. The usual spellings of a country's own numbers are told by its
metadata alone, in one or two; whatever else it is, `phonenumbers` reads it.
"""

import re
from typing import Any, Final

import phonenumbers
from phonenumbers import (
    COUNTRY_CODE_TO_REGION_CODE,
    CountryCodeSource,
    PhoneMetadata,
    PhoneNumber,
    PhoneNumberFormat,
    ValidationResult,
)

_DIALLED: Final = re.compile(r"\+?[0-9]{1,32}")
_SEPARATORS: Final = re.compile(r"[-. ()]")


def read(text: str, country: str) -> PhoneNumber | None:
    """Read a dialled text as a telephone number; None when it is none.

    country: ISO 3166 alpha-2 code (CN) that says what a missing country code means.
    """
    digits = _SEPARATORS.sub("", text)
    if _DIALLED.fullmatch(digits) is None:
        return None
    try:
        number = phonenumbers.parse(digits, country, keep_raw_input=True)
    except phonenumbers.NumberParseException:
        return None
    if phonenumbers.is_possible_number_with_reason(number) != ValidationResult.IS_POSSIBLE:
        return None
    bare = (
        number.country_code_source == CountryCodeSource.FROM_DEFAULT_COUNTRY
        and phonenumbers.national_significant_number(number) == digits
    )
    return None if bare and not phonenumbers.is_valid_number(number) else number


def international(number: PhoneNumber) -> str:
    """Write a number in E.164: +862012345678."""
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def national(number: PhoneNumber) -> str:
    """Write a number as its own country dials it, digits only: 02012345678, 13800138000."""
    written = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
    return "".join(digit for digit in written if digit.isdigit())


def normalise(text: str, country: str) -> str:
    """Return the E.164 form of a dialled text, or the text itself when it is no phone number."""
    return e164(text, country) or text


def e164(text: str, country: str) -> str:
    """Return the E.164 form of a dialled text, "" when it is no phone number."""
    home = _home(country)
    written = home.usual(text)
    if written or home.is_none(text):
        return written
    number = read(text, country)
    return "" if number is None else international(number)


def usual(text: str, country: str) -> str:
    """Return the E.164 form of one of the usual spellings; "" says nothing about the text."""
    return _home(country).usual(text)


def is_none(text: str, country: str) -> bool:
    """Say whether a text is clearly no phone number; False says nothing about it."""
    return _home(country).is_none(text)


def _home(country: str) -> "_Home":
    home = _HOMES.get(country)
    if home is None:
        home = _HOMES[country] = _Home(country)
    return home


class _Home:
    """The spellings of one country in which nothing but the prefix can be cut off."""

    __slots__ = ("_abroad", "_bare", "_cut", "_existing", "_plus", "_prefixed", "_trunk")

    def __init__(self, country: str) -> None:
        code = country_code(country)
        known: Any = PhoneMetadata.metadata_for_region(country)
        # Countries that share a code, or rewrite what they cut off, are left to phonenumbers.
        plain = (
            known is not None
            and len(COUNTRY_CODE_TO_REGION_CODE[code]) == 1
            and not known.national_prefix_transform_rule
        )
        self._plus = f"+{code}" if plain else ""
        self._trunk = known.national_prefix or "" if plain else ""
        self._prefixed = _pattern(known.general_desc.national_number_pattern if plain else None)
        self._bare = _kinds(known, _USUAL_KINDS if plain else ())
        self._existing = _kinds(known, _ALL_KINDS if plain else ())
        self._cut = _pattern(known.national_prefix_for_parsing if plain else None)
        self._abroad = _pattern(known.international_prefix if plain else None)

    def usual(self, text: str) -> str:
        """Return the E.164 form, "" when the text is not one of the usual spellings."""
        plus = self._plus
        if not plus:
            return ""
        known = self._prefixed
        abroad = self._abroad.match(text)
        if text.startswith(plus):
            rest = text[len(plus) :]
        elif abroad is not None and text.startswith(plus[1:], abroad.end()):
            rest = text[abroad.end() + len(plus) - 1 :]
        elif abroad is not None:
            return ""
        elif text.startswith(plus[1:]):
            if known.fullmatch(text) is not None:
                return ""  # it could be a number without a country code, too
            rest = text[len(plus) - 1 :]
        elif self._trunk and text.startswith(self._trunk):
            rest = text[len(self._trunk) :]
        else:
            rest = text
            known = self._bare
        if not rest.isascii() or known.fullmatch(rest) is None:
            return ""
        return "" if self._cut.match(rest) is not None else plus + rest

    def is_none(self, text: str) -> bool:
        """Say whether a text has nothing in front that could be cut off, and does not exist."""
        plus = self._plus
        return (
            plus != ""
            and text.isascii()
            and text.isdecimal()
            and not text.startswith(plus[1:])
            and self._existing.fullmatch(text) is None
            and self._abroad.match(text) is None
            and self._cut.match(text) is None
        )


def _pattern(text: str | None) -> re.Pattern[str]:
    return re.compile(text or _NEVER)


def _kinds(known: Any, kinds: tuple[str, ...]) -> re.Pattern[str]:
    found = (getattr(known, kind) for kind in kinds)
    patterns = (kind.national_number_pattern for kind in found if kind is not None)
    return _pattern("|".join(pattern for pattern in patterns if pattern) or None)


_NEVER: Final = r"(?!)"
_USUAL_KINDS: Final = ("fixed_line", "mobile")
_ALL_KINDS: Final = (
    *_USUAL_KINDS,
    "toll_free",
    "premium_rate",
    "shared_cost",
    "voip",
    "personal_number",
    "pager",
    "uan",
    "voicemail",
)
_HOMES: Final[dict[str, _Home]] = {}


def country_code(country: str) -> int:
    """Return the country calling code: 86 for CN."""
    return phonenumbers.country_code_for_region(country)

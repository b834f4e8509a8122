"""Telephone numbers: what was dialled, read in a country, as one number.

Theory: the same number arrives as 02012345678, +862012345678, 00862012345678 or 862012345678.
All are read by `phonenumbers` and written in E.164. A text that is no telephone number (4000,
95588, reception) stays what it is.

Rule: with a country code or a national prefix in front, a possible length is enough, because
numbering plans grow faster than their metadata; a bare text must be a number that exists, or else
internal numbers of seven digits would become land lines.

Reading costs tens of microseconds: callers keep the results.
"""

import re
from typing import Final

import phonenumbers
from phonenumbers import CountryCodeSource, PhoneNumber, PhoneNumberFormat, ValidationResult

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
    number = read(text, country)
    return text if number is None else international(number)


def country_code(country: str) -> int:
    """Return the country calling code: 86 for CN."""
    return phonenumbers.country_code_for_region(country)

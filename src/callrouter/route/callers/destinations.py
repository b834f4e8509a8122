"""Destinations of calls to outside: the country of a number, what kind it is, emergency, carrier.

Rules. What the metadata cannot tell counts as what costs more: a number whose country is not known
among those that share its code is in all of them. Emergency numbers are compared whole, as they are
dialled: 1131 is no 113. Satellites and international networks have codes and no country. Of
carriers `phonenumbers` knows the mobile ones, and of no number whether it was ported.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

import phonenumbers
from mypy_extensions import mypyc_attr
from phonenumbers import PhoneNumberType, ShortNumberCost, shortnumberinfo

from callrouter.route.callers import telephone_numbers as numbers
from callrouter.route.callers.number_lists import Caller, NumberList
from callrouter.serializable import Serializable

PREMIUM: Final = "premium"
SATELLITE: Final = "satellite"
SHARED_COST: Final = "shared_cost"
"""Kinds of numbers that nobody calls unless it is said."""

NOWHERE: Final = "001"
"""The country of numbers that have none, as `phonenumbers` has it."""

_KINDS: Final = {
    PhoneNumberType.PREMIUM_RATE: PREMIUM,
    PhoneNumberType.SHARED_COST: SHARED_COST,
}
# International codes (ITU-T E.164.1): shared cost, satellites, networks, premium rate.
_CODES: Final = {
    808: SHARED_COST,
    **dict.fromkeys((870, 881, 882, 883), SATELLITE),
    979: PREMIUM,
}
# Beside those of phonenumbers: what its data lacks.
_EMERGENCY: Final = {"CN": frozenset(("122",)), "VN": frozenset(("112",))}
_LONGEST: Final = 64
_BEHIND: Final = re.compile(r"([^,;]+)[,;]([0-9*#,;]{1,16})")
_SHORTEST_PREFIX: Final = frozenset(("0", "00"))


@mypyc_attr(allow_interpreted_subclasses=True)
class Destination(Serializable):
    """Where a call to outside would go.

    dialled: the digits that are sent to the gateway. number: in E.164, "" for a short number.
    countries: where it may be. kind: PREMIUM, SATELLITE or SHARED_COST, or "" for what
    everybody calls.
    """

    __slots__ = ("countries", "dialled", "kind", "number")

    def __init__(self, dialled: str, number: str, countries: tuple[str, ...], kind: str) -> None:
        self.dialled = dialled
        self.number = number
        self.countries = countries
        self.kind = kind

    def abroad(self, country: str) -> tuple[str, ...]:
        """The countries where it may be beside one's own."""
        return tuple(one for one in self.countries if one != country)


def destination(text: str, country: str) -> Destination | None:
    """Read what is dialled to reach somebody outside; None for what nobody has. Total.

    country: ISO 3166 alpha-2 code (CN) in which national and short numbers are read.
    """
    return _destination(text, country) if len(text) <= _LONGEST else None


@lru_cache(maxsize=4096)
def _destination(text: str, country: str) -> Destination | None:
    read = numbers.telephone(text, country)
    if read.number:
        parsed = phonenumbers.parse(read.number)
        code = parsed.country_code or 0
        if _is_doubled(read.dialled, code, phonenumbers.national_significant_number(parsed)):
            return None
        region = phonenumbers.region_code_for_number(parsed)
        regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(code, (NOWHERE,))
        kind = _CODES.get(code) or _KINDS.get(phonenumbers.number_type(parsed), "")
        countries = tuple(regions) if region is None else (region,)
        return Destination(read.dialled, read.number, countries, kind)
    short = read.short
    if not short:
        return None
    parsed = phonenumbers.PhoneNumber(
        country_code=numbers.country_code(country), national_number=int(short)
    )
    if str(int(short)) != short or not shortnumberinfo.is_valid_short_number_for_region(
        parsed, country
    ):
        return None
    cost = shortnumberinfo.expected_cost_for_region(parsed, country)
    kind = PREMIUM if cost == ShortNumberCost.PREMIUM_RATE else ""
    return Destination(short, "", (country,), kind)


def _is_doubled(dialled: str, code: int, national: str) -> bool:
    """Whether zeros stand between a country's code and its number, as in +86 0084 901234567.

    A gateway that takes the code away would read another number, abroad even.
    """
    before = dialled.removesuffix(national)
    return re.fullmatch(rf"\+?0*{code}0+", before) is not None


def parted(text: str) -> tuple[str, str]:
    """Part what is dialled, `02087654321,105`, in a number and the keys for who answers there.

    The keys are "" when there are none. What stands behind `;` with a name is none: `;ext=105`.
    """
    found = _BEHIND.fullmatch(text) if len(text) <= _LONGEST else None
    if found is None:
        return text, ""
    return found[1], found[2].replace(",", "").replace(";", "")


def is_emergency(text: str, country: str) -> bool:
    """Say whether what is dialled is an emergency number of a country, and nothing but that."""
    return len(text) <= _LONGEST and _is_emergency(text, country)


@lru_cache(maxsize=4096)
def _is_emergency(text: str, country: str) -> bool:
    dialled = numbers.dialled(text)
    if dialled in _EMERGENCY.get(country, ()):
        return True
    return dialled.isdecimal() and phonenumbers.is_emergency_number(dialled, country)


def misplaced_prefix(prefix: str, country: str) -> str:
    """Say why digits cannot stand in front of numbers to choose a line, "" when they can.

    They would be taken from numbers that begin so: abroad, of another area, in need.
    """
    if not prefix.isdecimal():
        return ""
    if prefix in _SHORTEST_PREFIX:
        return "it begins numbers of other areas or countries"
    if prefix in {str(code) for code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE}:
        regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE[int(prefix)]
        if regions == (NOWHERE,):
            return f"+{prefix} is the code of numbers of no country"
        return f"+{prefix} is the country code of {regions[0]}"
    for length in range(3):
        for rest in range(10**length):
            number = prefix + (f"{rest:0{length}d}" if length else "")
            if is_emergency(number, country):
                return f"it begins the emergency number {number}"
    return ""


@mypyc_attr(allow_interpreted_subclasses=True)
class Carriers(Serializable):
    """Carriers of a country: by the lists of ported numbers, then by the first digits (D6).

    What another system says by a look-up goes before them. prefixes: first digits in E.164 without
    +. ported: by carrier. Numbers of other countries are with nobody here.
    """

    __slots__ = ("_lengths", "_ported", "_prefixes")

    def __init__(self, prefixes: Mapping[str, str], ported: Mapping[str, NumberList]) -> None:
        self._prefixes = prefixes
        self._ported = ported
        self._lengths = sorted({len(prefix) for prefix in prefixes}, reverse=True)

    def of(self, callee: Caller) -> tuple[str, str]:
        """Return the carrier of a number, and by what it is known; "" when nobody knows it."""
        for carrier, ported in self._ported.items():
            if ported.find(callee):
                return carrier, f"list {ported.name}"
        digits = callee.number[1:]
        for length in self._lengths:
            carrier = self._prefixes.get(digits[:length], "")
            if carrier:
                return carrier, f"prefix +{digits[:length]}"
        return "", ""

"""Geographic areas: where a caller calls from, told by the number alone.

Theory: an area is a set of beginnings of E.164 numbers. One that lies inside it and belongs to
another area is marked as not in it; the longest beginning that is marked decides. A country is
told by its calling code; where several countries share one (+1, +7), by their numbering plans.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import phonenumbers
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

from callrouter.route.callers.number_lists import Caller, NumberList
from callrouter.serializable import Serializable

_LONGEST_CODE: Final = 3


@dataclass(slots=True, kw_only=True)
class Area(Serializable):
    """An area by name. marks: by a beginning of numbers, whether these are in the area."""

    name: str
    marks: Mapping[str, bool]
    _lengths: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self._lengths = sorted({len(begins) for begins in self.marks}, reverse=True)

    def has(self, caller: Caller) -> bool:
        """Say whether a caller with a telephone number is from here."""
        for length in self._lengths:
            mark = self.marks.get(caller.digits[:length])
            if mark is not None:
                return mark
        return False


@dataclass(slots=True, kw_only=True)
class Country(Serializable):
    """A country, by its ISO code: an area like any other."""

    name: str

    def has(self, caller: Caller) -> bool:
        """Say whether a caller with a telephone number is from here."""
        return country_of(caller.number) == self.name


@dataclass(slots=True, kw_only=True)
class AreaRule(Serializable):
    """A rule of areas: from where a number may be called.

    allow: only from there; None for from everywhere. refuse: not from there, which counts first.
    excepted: lists whose callers may call from anywhere. unknown_too: whether a caller without a
    telephone number may. reason: that of its refusal.
    """

    rule: str
    reason: str
    allow: tuple[Area | Country, ...] | None
    refuse: tuple[Area | Country, ...]
    excepted: tuple[NumberList, ...]
    unknown_too: bool
    file: str
    line: int

    def judge(self, caller: Caller) -> tuple[bool, str]:
        """Say whether it refuses a caller, and why."""
        for known in self.excepted:
            if known.find(caller):
                return False, f"excepted by list {known.name}"
        if not caller.number:
            return self._unknown(caller)
        for area in self.refuse:
            if area.has(caller):
                return True, f"from {area.name}, which is refused"
        if self.allow is None:
            return False, "from no area that is refused"
        for area in self.allow:
            if area.has(caller):
                return False, f"from {area.name}, which is allowed"
        return True, f"not from {' or '.join(area.name for area in self.allow)}"

    def _unknown(self, caller: Caller) -> tuple[bool, str]:
        """As `judge`, for a caller without a telephone number."""
        for meant in caller.meant:
            for area in self.refuse:
                if meant.number and area.has(meant):
                    return True, f"may mean {meant.number}, from {area.name}, which is refused"
        return not self.unknown_too, "the caller has no telephone number"


def country_of(number: str) -> str:
    """Return the ISO code of the country of an E.164 number, "" when it is not known."""
    for length in range(1, _LONGEST_CODE + 1):
        code = number[1 : 1 + length]
        regions = COUNTRY_CODE_TO_REGION_CODE.get(int(code))
        if regions is not None:
            if len(regions) == 1:
                return regions[0]
            return phonenumbers.region_code_for_number(phonenumbers.parse(number)) or ""
    return ""

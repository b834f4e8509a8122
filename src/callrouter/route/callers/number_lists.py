"""Callers, and lists of callers: full numbers and beginnings of numbers.

Theory: a list holds its entries as sorted 64-bit numbers, one array for each length. A look-up is
one bisection for each length in it, so a million entries take 8 MB and cost as much as ten. The
length is what tells 0898 from 898.

Rules.

- A caller with a telephone number is compared in E.164, and so are the entries; a caller with a
  short number (4001, an internal one) by its digits, with the entries as written.
- A caller without either is withheld: no list has it, and no list says of it that it is not there.
- Where a number may be meant by a text that is none, that number counts for what refuses it, and
  for nothing that lets it in.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from mypy_extensions import mypyc_attr

from callrouter.route.callers import telephone_numbers as numbers
from callrouter.serializable import Serializable

# What carriers put where a number would stand.
_WITHHELD: Final = frozenset({"", "anonymous", "private", "restricted", "unavailable", "unknown"})
_LONGEST: Final = 64


@mypyc_attr(allow_interpreted_subclasses=True)
class Caller(Serializable):
    """A caller. sent: as sent. number: in E.164, "" when it is no telephone number.

    identity: what the caller is known by: the number, a short number or a name; "" when withheld.
    key: what calls of it are counted and blocked by: the same, or else the number that it may be
    meant to be; "" for none. digits: what lists compare, "" for neither a number nor a short
    number. meant: the numbers that may be meant by a text that is none.
    """

    __slots__ = ("digits", "identity", "key", "meant", "number", "sent")

    def __init__(self, sent: str, country: str) -> None:
        self.sent = sent
        self.meant: tuple[Caller, ...] = ()
        found = numbers.telephone(sent, country)
        self.number = found.number
        if found.number:
            self.identity = self.key = found.number
            self.digits = found.number[1:]
            return
        self.digits = found.short
        self.identity = self.digits or ("" if sent.lower() in _WITHHELD else _name(sent))
        if sent and numbers.may_be_disguised(found):
            self.meant = tuple([Caller(one, country) for one in numbers.disguised(sent, country)])
        self.key = self.identity
        if not self.digits and self.meant:
            self.identity = ""
            self.key = self.meant[0].key

    @property
    def withheld(self) -> bool:
        """It has neither a telephone number nor a short one."""
        return not self.digits


def _name(sent: str) -> str:
    """The name in a text that is no number, "" for rubbish."""
    name = sent.partition(";")[0][:_LONGEST]
    return name if name.isprintable() else ""


@mypyc_attr(allow_interpreted_subclasses=True)
class Digits(Serializable):
    """A set of texts of digits. arrays: for each length, the texts as numbers, ascending."""

    __slots__ = ("_arrays", "_lengths")

    def __init__(self, arrays: Mapping[int, Sequence[int]]) -> None:
        self._arrays = arrays
        self._lengths = sorted(arrays)

    def has(self, digits: str) -> bool:
        """Say whether a text is in the set."""
        array = self._arrays.get(len(digits))
        if array is None:
            return False
        wanted = int(digits)
        found = bisect_left(array, wanted)
        return found < len(array) and array[found] == wanted

    def beginning(self, digits: str) -> str:
        """Return the shortest text of the set that a text begins with, "" for none."""
        for length in self._lengths:
            if length > len(digits):
                break
            begins = digits[:length]
            if self.has(begins):
                return begins
        return ""


@dataclass(slots=True, kw_only=True)
class NumberList(Serializable):
    """A list by name: full numbers and beginnings, in E.164 without + and as written."""

    name: str
    full: Digits
    beginnings: Digits
    short_full: Digits
    short_beginnings: Digits

    def stops(self, caller: Caller) -> str:
        """Say by what a list of who is refused has a caller, or a number that it may mean."""
        found = self.find(caller)
        if found or not caller.meant:
            return found
        for meant in caller.meant:
            if meant.number:
                found = self.find(meant)
            elif self.short_full.has(meant.digits):
                found = "is in the list"
            if found:
                return f"is no number, and may mean {meant.key}, which {found}"
        return ""

    def find(self, caller: Caller) -> str:
        """Say by what a caller is in the list, "" when by nothing."""
        digits = caller.digits
        if not digits:
            return ""
        if caller.number:
            if self.full.has(digits):
                return "is in the list"
            begins = self.beginnings.beginning(digits)
            return f"begins with +{begins}" if begins else ""
        if self.short_full.has(digits):
            return "is in the list"
        begins = self.short_beginnings.beginning(digits)
        return f"begins with {begins}" if begins else ""

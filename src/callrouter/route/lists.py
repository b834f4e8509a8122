"""Callers, and lists of callers: full numbers and beginnings of numbers.

Theory: a list holds its entries as sorted 64-bit numbers, one array for each length. A look-up is
one bisection for each length in it, so a million entries take 8 MB and cost as much as ten. The
length is what tells 0898 from 898.

Rule: a caller with a telephone number is compared in E.164, and so are the entries; a caller
without one (4001, an internal number) is compared as sent, with the entries as written.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Final

from callrouter.route import numbers

# What carriers put where a number would stand.
_WITHHELD: Final = frozenset({"", "anonymous", "private", "restricted", "unavailable", "unknown"})
_LONGEST: Final = 64


class Caller:
    """Who calls. sent: as sent. number: in E.164, "" when it is no telephone number.

    key: what the caller is told apart by, "" when withheld. digits: what lists compare.
    """

    __slots__ = ("digits", "key", "number", "sent")

    def __init__(self, sent: str, country: str) -> None:
        self.sent = sent
        self.number = numbers.e164(sent, country)
        if self.number:
            self.key = self.number
            self.digits = self.number[1:]
        else:
            self.key = "" if sent.lower() in _WITHHELD else sent[:_LONGEST]
            self.digits = sent if sent.isascii() and sent.isdecimal() else ""


class Digits:
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


class NumberList:
    """A list by name: full numbers and beginnings, in E.164 without + and as written."""

    __slots__ = ("beginnings", "full", "name", "short_beginnings", "short_full")

    def __init__(
        self,
        name: str,
        full: Digits,
        beginnings: Digits,
        short_full: Digits,
        short_beginnings: Digits,
    ) -> None:
        self.name = name
        self.full = full
        self.beginnings = beginnings
        self.short_full = short_full
        self.short_beginnings = short_beginnings

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

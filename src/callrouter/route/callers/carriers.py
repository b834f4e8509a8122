"""Carriers of called numbers: by the lists of ported numbers, then by the first digits (D6).

The first digits are those of one country, as `phonenumbers` has them: it knows mobile carriers, and
of no number whether it was ported. Numbers of other countries are with nobody here.
"""

from collections.abc import Mapping

from mypy_extensions import mypyc_attr

from callrouter.route.callers.number_lists import Caller, NumberList
from callrouter.serializable import Serializable


@mypyc_attr(allow_interpreted_subclasses=True)
class Carriers(Serializable):
    """Carriers of a country. prefixes: first digits in E.164 without +. ported: by carrier."""

    __slots__ = ("_lengths", "_ported", "_prefixes")

    def __init__(self, prefixes: Mapping[str, str], ported: Mapping[str, NumberList]) -> None:
        self._prefixes = prefixes
        self._ported = ported
        self._lengths = sorted({len(prefix) for prefix in prefixes}, reverse=True)

    def of(self, callee: Caller) -> tuple[str, str]:
        """Return the carrier of a number, and by what it is known; "" when nobody knows it."""
        for carrier, numbers in self._ported.items():
            if numbers.find(callee):
                return carrier, f"list {numbers.name}"
        digits = callee.number[1:]
        for length in self._lengths:
            carrier = self._prefixes.get(digits[:length], "")
            if carrier:
                return carrier, f"prefix +{digits[:length]}"
        return "", ""

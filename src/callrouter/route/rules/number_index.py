"""An index of called numbers: which number a call is for.

Theory: a called number is compared in up to three written forms: as dialled, in E.164, and as its
own country dials it. Numbers written out are found by hash, and beat everything else. A prefix
(0756*) or pattern (4xxx, +8613xxxxxxxxx) is kept under its head, the digits before the first x or
*, so only heads of the called number's own beginning are looked at, whatever their count; of those
that match, the most specific wins.

Most specific: more digits written out; then more positions; then without *; then the one whose
digits come earlier.
"""

import re
from typing import Final

from mypy_extensions import mypyc_attr
from phonenumbers import PhoneNumber

from callrouter.route.callers import telephone_numbers as numbers
from callrouter.route.rules.number_rules import Number
from callrouter.route.rules.number_table import Numbers
from callrouter.serializable import Serializable

_DIGITS: Final = frozenset("0123456789")
_DIALLED: Final = re.compile(r"\+?[0-9]+")


@mypyc_attr(allow_interpreted_subclasses=True)
class Wildcard(Serializable):
    """A prefix or pattern. head: digits before the first x or *. tail: the digits and x after it.

    open: whether anything may follow. rank: the greater, the more specific.
    """

    __slots__ = ("head", "number", "open", "rank", "tail")

    def __init__(self, number: Number) -> None:
        key = number.key
        body = key.removesuffix("*")
        self.number = number
        self.open = body != key
        self.head = body.partition("x")[0]
        self.tail = body[len(self.head) :]
        written = tuple(place != "x" for place in body)
        self.rank = (sum(written), len(body), not self.open, written)

    def matches(self, form: str) -> bool:
        """Say whether a form that begins with the head fits the tail too."""
        rest = form[len(self.head) :]
        if len(rest) < len(self.tail) or (len(rest) > len(self.tail) and not self.open):
            return False
        for wanted, digit in zip(self.tail, rest, strict=False):
            if digit not in _DIGITS if wanted == "x" else digit != wanted:
                return False
        return True


@mypyc_attr(allow_interpreted_subclasses=True)
class Match(Serializable):
    """The match of a called number.

    number: None when nothing matched. forms: the written forms compared, as sent first. value: the
    form that matched, or the one as sent. beaten: what matched too, but was less specific.
    """

    __slots__ = ("beaten", "forms", "number", "value")

    def __init__(
        self, number: Number | None, forms: list[str], value: str, beaten: list[Number]
    ) -> None:
        self.number = number
        self.forms = forms
        self.value = value
        self.beaten = beaten


@mypyc_attr(allow_interpreted_subclasses=True)
class NumberIndex(Serializable):
    """All numbers of a dialplan. country: the one in which its keys are read (CN)."""

    def __init__(self, all_numbers: Numbers, country: str) -> None:
        self._country = country
        self._rows = all_numbers
        self._home: dict[str, Number] = {}
        self._normal: dict[str, Number] = {}
        self._heads: dict[int, dict[str, list[Wildcard]]] = {}
        for number in all_numbers.written.values():
            if number.normal:
                self._home[number.key] = number
                self._home[number.normal] = number
                self._normal[number.normal] = number
            else:
                wildcard = Wildcard(number)
                heads = self._heads.setdefault(len(wildcard.head), {})
                heads.setdefault(wildcard.head, []).append(wildcard)

    def find(self, sent: str, country: str) -> Match:
        """Find the number for a called text that came from a trunk of a country."""
        # A national form means another number elsewhere: only at home is a key met as written.
        number = self._exactly(sent, at_home=country == self._country)
        if number is not None:
            return Match(number, [sent], sent, [])
        normal = numbers.usual(sent, country)
        number = self._exactly(normal)
        if number is not None:
            return Match(number, [sent, normal], normal, [])
        if numbers.is_none(sent, country):
            return self._best([sent])
        bare = _DIALLED.fullmatch(sent) is not None
        return self._read(sent, country, normal) if bare else self._spelled(sent, country)

    def _exactly(self, form: str, *, at_home: bool = False) -> Number | None:
        """Find the number that is written out so."""
        number = self._home.get(form) if at_home else self._normal.get(form)
        return self._rows.row(form, written=at_home) if number is None else number

    def _read(self, sent: str, country: str, normal: str) -> Match:
        """Find the number for digits. normal: their E.164 form, when that is known."""
        # What follows takes tens of microseconds.
        phone: PhoneNumber | None = None
        if not normal or self._heads:
            phone = numbers.read(sent, country)
            if phone is None:
                return self._best([sent])
            normal = numbers.international(phone)
            number = self._exactly(normal)
            if number is not None:
                return Match(number, [sent, normal], normal, [])
        return self._best(self._forms(phone, normal, sent, country))

    def _spelled(self, sent: str, country: str) -> Match:
        """Find the number for a text that has more in it than digits, or none at all."""
        found = numbers.telephone(sent, country)
        dialled = found.number or found.dialled
        if not dialled:
            # Nobody can dial it, so no number and no beginning of numbers fits; `*` fits anything.
            return self._best([sent], anything=True)
        if dialled == sent:
            return self._best([sent])
        match = self.find(dialled, country)
        match.forms.insert(0, sent)
        return match

    def _forms(self, phone: PhoneNumber | None, normal: str, sent: str, country: str) -> list[str]:
        forms = [sent] if country == self._country or sent == normal else []
        if normal not in forms:
            forms.append(normal)
        if phone is not None and phone.country_code == numbers.country_code(self._country):
            written = numbers.national(phone)
            if written not in forms:
                forms.append(written)
        return forms

    def _best(self, forms: list[str], *, anything: bool = False) -> Match:
        """Choose of the prefixes and patterns. anything: only of those that have no digit."""
        found: dict[str, tuple[Wildcard, str]] = {}
        for form in forms:
            for length, heads in self._heads.items():
                for wildcard in heads.get(form[:length], ()):
                    if anything and wildcard.number.key != "*":
                        continue
                    if wildcard.matches(form):
                        found.setdefault(wildcard.number.key, (wildcard, form))
        if not found:
            return Match(None, forms, forms[0], [])
        ranked = sorted(found.values(), key=lambda pair: pair[0].rank, reverse=True)
        best, value = ranked[0]
        return Match(best.number, forms, value, [pair[0].number for pair in ranked[1:]])

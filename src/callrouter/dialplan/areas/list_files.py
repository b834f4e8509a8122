"""Lists of callers, from the dialplan and from files of up to a million lines.

Theory: an entry is kept as a 64-bit number from the moment its line is read, so a file costs eight
bytes a line and no more at any time. A file is read as bytes, line by line; its mistakes name the
line, and many of them end the reading.
"""

import functools
import hashlib
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from unicodedata import category

import phonenumbers

from callrouter.dialplan.grammar import call_screening as screens
from callrouter.errors import Diagnostic
from callrouter.route.callers import telephone_numbers as numbers
from callrouter.route.callers.number_lists import Digits, NumberList
from callrouter.yamlfile.wording import shown

MAX_BYTES: Final = 64 * 1024 * 1024
_MISTAKES: Final = 20
_LONGEST_LINE: Final = 1000
_WANTED: Final = 'a number such as "+8613800138000", or first digits such as "0898*"'


class _Sets:
    """Texts of digits on their way into a `Digits`: an array for each length."""

    def __init__(self) -> None:
        self._arrays: dict[int, array[int]] = {}

    def add(self, digits: str) -> None:
        """Add a text of at most 18 digits."""
        found = self._arrays.get(len(digits))
        if found is None:
            found = self._arrays[len(digits)] = array("Q")
        found.append(int(digits))

    def digits(self) -> Digits:
        """Sort what was added, each text once."""
        return Digits({n: array("Q", sorted(set(a))) for n, a in self._arrays.items()})


class ListBuilder:
    """Builder of one list. country: that of its national numbers. mistakes: those of its file."""

    def __init__(self, country: str) -> None:
        self._country = country
        self._full = _Sets()
        self._beginnings = _Sets()
        self._short_full = _Sets()
        self._short_beginnings = _Sets()
        self.mistakes: list[Diagnostic] = []
        self.digest = ""

    def add(self, entry: screens.NumberListEntry) -> None:
        """Add what the dialplan itself lists."""
        for number in entry.numbers:
            self._number(number)
        for prefix in entry.prefixes:
            self._prefix(prefix)

    def read(self, path: Path) -> None:
        """Add what a file lists. Raises OSError."""
        shown = str(path)
        digest = hashlib.sha256()
        with path.open("rb") as stream:
            size = 0
            for line, raw in enumerate(_lines(stream), 1):
                size += len(raw)
                if size > MAX_BYTES:
                    limit = f"the file is larger than {MAX_BYTES // 1024 // 1024} MB"
                    self.mistakes.append(Diagnostic(limit, shown, line, 1))
                    break
                digest.update(raw)
                text = raw.decode("utf-8", "replace").partition("#")[0].strip()
                try:
                    self._line(text)
                except ValueError as error:
                    if len(self.mistakes) == _MISTAKES:
                        self.mistakes[-1].message += " (the rest was not read)"
                        break
                    self.mistakes.append(Diagnostic(str(error), shown, line, 1))
        self.digest = digest.hexdigest()

    def build(self, name: str) -> NumberList:
        """Make the list."""
        return NumberList(
            name=name,
            full=self._full.digits(),
            beginnings=self._beginnings.digits(),
            short_full=self._short_full.digits(),
            short_beginnings=self._short_beginnings.digits(),
        )

    def _line(self, text: str) -> None:
        """Add what one line says. Raises ValueError."""
        if not text:
            return
        begins = text.endswith("*")
        digits = text[:-1] if begins else text
        if screens.LISTED.fullmatch(digits) is None:  # else there is nothing to take out
            plain = numbers.without_separators(text)
            if not plain:
                return  # the mark of the byte order, before a comment
            digits = plain.removesuffix("*")
            begins = digits != plain
            if screens.LISTED.fullmatch(digits) is None or screens.SIGNED.match(text) is not None:
                screens.listed(text, _WANTED)  # raises: it is no better with the *
        if begins:
            self._prefix(digits)
        else:
            self._number(digits)

    def _number(self, text: str) -> None:
        number = numbers.e164(text, self._country)
        if number:
            self._full.add(number[1:])
        else:
            self._short_full.add(text.removeprefix("+"))

    def _prefix(self, text: str) -> None:
        self._beginnings.add(international_prefix(text, self._country))
        self._short_beginnings.add(text.removeprefix("+"))


def blocked_by_hand(text: str, country: str) -> tuple[str, ...]:
    """Return what a block is kept by: a caller's key, or first digits with a * behind them.

    text: as in a list, and an area code needs no *. First digits without a 0 or + in front are
    those of short numbers as well, as in a list. A dash in front is an option that was mistyped.
    Raises ValueError.
    """
    wanted = (
        f"expected {_WANTED}, or an area code or short number such as 0898 or 4001, "
        f"found {shown(text)}"
    )
    if category(text.lstrip()[:1] or " ") == "Pd":
        raise ValueError(wanted)
    found = numbers.telephone(text, country)
    if found.number:
        return (found.number,)
    typed = numbers.without_separators(text)
    digits = typed.removesuffix("*")
    code, trunk = _dialling(country)
    begins = digits != typed
    if not begins:
        digits = found.dialled
    if not screens.LISTED.fullmatch(digits) or digits == trunk:
        raise ValueError(wanted)
    national = bool(trunk) and digits.startswith(trunk)
    if not begins and not national and digits[0] != "+":
        return (digits,)
    form = international_prefix(digits, country)
    if not numbers.some_country_has(form):
        raise ValueError(f"{wanted}: no country has the code of +{form}")
    if is_ambiguous(digits, form, code):
        raise ValueError(
            f"expected +{digits}* or +{form}*, found {shown(text)}, which may mean either"
        )
    return (f"+{form}*",) if national or digits[0] == "+" else (f"+{form}*", f"{digits}*")


@functools.cache
def _dialling(country: str) -> tuple[str, str]:
    """Give the calling code of a country, and what its national numbers begin with, such as 0."""
    known = phonenumbers.PhoneMetadata.metadata_for_region(country)
    trunk = (known.national_prefix or "") if known is not None else ""
    return str(numbers.country_code(country)), trunk


def international_prefix(text: str, country: str) -> str:
    """Return first digits as numbers in E.164 have them, without +: 0898 of China is 86898.

    country: that of national numbers.
    """
    code, trunk = _dialling(country)
    if text.startswith("+"):
        return text[1:]
    if text.startswith("00"):
        return text[2:] or text
    if trunk and text.startswith(trunk) and text != trunk:
        return code + text[len(trunk) :]
    return code + text


def is_dialled_so(text: str, country: str) -> bool:
    """Say whether first digits begin as a country dials: with its national prefix, or with 00."""
    _, trunk = _dialling(country)
    return text.startswith("00") or (bool(trunk) and text.startswith(trunk) and text != trunk)


def is_ambiguous(digits: str, form: str, code: str) -> bool:
    """Say whether first digits begin with the own country's code and are read as if it was none.

    8613 of China is +868613 as first digits, while 8613800138000 is +8613800138000.
    """
    return digits.startswith(code) and form == code + digits


def _lines(stream: object) -> Iterator[bytes]:
    """Give the lines of a binary file, none longer than the longest that counts."""
    while line := stream.readline(_LONGEST_LINE):  # type: ignore[attr-defined]
        yield line

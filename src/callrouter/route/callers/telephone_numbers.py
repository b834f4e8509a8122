"""Telephone numbers: what stands where a number would, read in a country.

Theory: the same number arrives as 02012345678, +862012345678, 00862012345678 or 862012345678, with
separators, with parameters (`+862012345678;npdi;rn=+862000000001`), with what is dialled after it
(`,1`, `x12`). All are one number, written in E.164. A text that is none is a short number or a code
(4000, 95588, *21), which is what is dialled, or no number at all (reception, +86201234567b).

`telephone()` reads them all, whatever header or file they come from; nothing else does.

Rules.

- With a country code or a national prefix in front, a possible length is enough, because numbering
  plans grow faster than their metadata; a bare text must be a number that exists, or else internal
  numbers of seven digits would become land lines.
- A text reads as a number when a telephone would dial that number for it. What no telephone would
  dial so is no number, whatever number may be seen in it: `disguised()` finds that for those rules
  that refuse, and for no others.

Reading costs tens of microseconds. The usual spellings of a country's own numbers are told by its
metadata alone, in one or two; whatever else it is, `phonenumbers` reads it.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, Final
from unicodedata import category, decimal

import phonenumbers
from mypy_extensions import mypyc_attr
from phonenumbers import (
    COUNTRY_CODE_TO_REGION_CODE,
    CountryCodeSource,
    PhoneMetadata,
    PhoneNumber,
    PhoneNumberFormat,
    ValidationResult,
)

from callrouter.serializable import Serializable

_DIALLED: Final = re.compile(r"\+?[0-9]{1,32}")
# What is dialled, and after it what ends the dialling, an extension, or a pause and more keys.
_DIALLING: Final = re.compile(
    r"(?P<code>[*#][0-9*#]{0,63})"
    r"|(?P<number>\+?[0-9]{1,63})#?(?:(?:x|ext)(?P<ext>[0-9]{1,16})|[pw,](?P<postd>[0-9pw,*#]{1,32}))?",
    re.IGNORECASE,
)
_RUN: Final = re.compile(r"[0-9]{5,32}")
_DROPPED: Final = frozenset(("Cf", "Pd", "Zs"))
"""Categories of Unicode: marks of the text's direction, hyphens and dashes, spaces."""

_ASCII: Final = {"\uff0b": "+", "\uff0a": "*", "\uff03": "#", "\uff0c": ",", "\uff1b": ";"}
_ASCII_DROPPED: Final = frozenset("-.() \uff08\uff09\uff0e")
_DIGITS: Final = "0123456789"
_SHORTEST: Final = 8
"""Digits that may be a telephone number that has lost its +; fewer are a short number."""

_LONGEST: Final = 256
_MOST_PARAMETERS: Final = 16
_NONE: Final[Mapping[str, str]] = {}


@mypyc_attr(allow_interpreted_subclasses=True)
class Telephone(Serializable):
    """A telephone number, or what else a text that stands where one would is found to be.

    sent: the text. number: in E.164, "" when it is no telephone number. dialled: the digits, `*`
    and `#` that a telephone would dial, with a + in front if there is one; "" for what nobody can
    dial: a name, or rubbish. parameters: what came with it (RFC 3966 section 3, RFC 4694,
    RFC 4904): by name in lower case, "" for one without a value; `ext` and `postd` as well when
    they are written behind the digits.
    """

    __slots__ = ("dialled", "number", "parameters", "sent")

    def __init__(
        self, sent: str, number: str, dialled: str, parameters: Mapping[str, str] = _NONE
    ) -> None:
        self.sent = sent
        self.number = number
        self.dialled = dialled
        self.parameters = parameters

    @property
    def short(self) -> str:
        """A short number (4000, 95588), "" for anything else, a code such as *21 too."""
        return "" if self.number or not self.dialled.isdecimal() else self.dialled


def telephone(text: str, country: str) -> Telephone:
    """Read what stands where a telephone number would, its escapes decoded. Total: never raises.

    text: with its parameters behind it, as in a tel URI and in the user part of a SIP URI (RFC 3261
    section 19.1.6). country: ISO 3166 alpha-2 code (CN) that says what a missing country code
    means; `phone-context` says it better, when it is a number (RFC 3966 section 5.1.5).
    """
    home = _home(country)
    number = home.usual(text)
    if number or home.is_none(text):
        return Telephone(text, number, text)
    dialled, parameters = _parted(text)
    if not dialled:
        return Telephone(text, "", "", parameters)
    context = plain(parameters.get("phone-context", "")) if parameters else ""
    if context[:1] == "+" and context[1:].isdecimal() and dialled[0] != "+":
        return Telephone(text, _in_context(dialled, context), dialled, parameters)
    return Telephone(text, _e164(dialled, country), dialled, parameters)


def may_be_disguised(read: Telephone) -> bool:
    """Say whether `disguised()` may find something in a text that was read as no number."""
    return len(read.dialled) >= _SHORTEST or not read.short


def plain(text: str) -> str:
    """Return what a text dials, without separators and parameters; itself when it dials nothing."""
    if text.isdecimal() and text.isascii():
        return text
    return dialled(text) or text


def dialled(text: str) -> str:
    """Return what a text dials, as `plain` does; "" when it dials nothing."""
    return _parted(text)[0]


def extension(text: str) -> str:
    """Return the `ext` that a text names behind its number, "" for none (RFC 3966 section 5.3)."""
    if text.isalnum() or not text:
        return ""
    return _parted(text)[1].get("ext", "")


def written(text: str, country: str) -> str:
    """Return the number in a text: in E.164, else as it is dialled, else ""."""
    if len(text) > _LONGEST:
        return ""
    found = telephone(text, country)
    return found.number or found.dialled


def written_often(text: str, country: str) -> str:
    """Return what `written` does, of a text that comes again: the called number of calls."""
    return _written(text, country) if len(text) <= _LONGEST else ""


_written = lru_cache(maxsize=4096)(written)


def disguised(text: str, country: str) -> list[str]:
    """Return the telephone numbers, in E.164, that may be meant by a text that is none.

    What refuses a number does not let it through for a letter, a control character or a missing +.
    A short number is among them as it is, when there is no letter in the text. What is dialled in
    front of numbers is left out only where nothing is meant with it: or else `*13800138000` would
    mean 800138000, too.
    """
    base = without_separators(text[:_LONGEST].partition(";")[0])
    joined = _digits(base)
    abroad = _possible if "+" in base else _existing
    found = _meant((joined, *_RUN.findall(base)), country, abroad)
    if not found:
        rest = _digits(_home(country).surplus.sub("", base))
        found = _meant((rest,), country, abroad) if rest != joined else []
    if not found and 0 < len(joined) < _SHORTEST and not any(one.isalpha() for one in base):
        return [joined]
    return found


def _meant(runs: Iterable[str], country: str, abroad: Callable[[str], str]) -> list[str]:
    found: list[str] = []
    for run in runs:
        if len(run) <= _MOST_DIGITS:
            for number in (_e164(run, country), abroad(f"+{run}")):
                if number and number not in found:
                    found.append(number)
    return found


def _digits(text: str) -> str:
    return "".join([one for one in text if one in _DIGITS])


def _parted(text: str) -> tuple[str, Mapping[str, str]]:
    """What a text dials, "" for nothing, and its parameters."""
    base, semicolon, rest = text.partition(";")
    parameters: dict[str, str] = {}
    if semicolon:
        for part in rest[:_LONGEST].split(";")[:_MOST_PARAMETERS]:
            name, _, value = part.partition("=")
            parameters.setdefault(name.lower(), value)
    if len(base) > _LONGEST or base.isalpha():
        return "", parameters
    match = _DIALLING.fullmatch(without_separators(base))
    if match is None:
        return "", parameters
    for name in ("ext", "postd"):
        if match[name]:
            parameters.setdefault(name, match[name])
    return match["code"] or match["number"], parameters


def without_separators(text: str) -> str:
    """Return a text without visual separators (RFC 3966 section 5.1.1), its digits in ASCII.

    Also those that only typographers tell apart from them, and what is not seen at all.
    """
    if text.isalnum() and text.isascii():
        return text
    return "".join([_character(one) for one in text])


def _character(one: str) -> str:
    if one in _ASCII_DROPPED:
        return ""
    if one.isascii():
        return one
    if category(one) in _DROPPED:
        return ""
    digit = decimal(one, None)
    return _ASCII.get(one, one) if digit is None else str(digit)


def _in_context(dialled: str, context: str) -> str:
    """The E.164 form of a local number within a global context (`+86`, `+1202`), "" for none."""
    whole = _existing(f"{context}{dialled}")
    if whole:
        return whole
    regions = COUNTRY_CODE_TO_REGION_CODE.get(int(context[1:5]))
    number = None if regions is None else read(dialled, regions[0])
    return "" if number is None else international(number)


def _possible(text: str) -> str:
    """The E.164 form of a text with a + when such a number is possible, else ""."""
    number = read(text, "")
    return "" if number is None else international(number)


def _existing(text: str) -> str:
    """The E.164 form of a text with a + when such a number exists, else ""."""
    number = read(text, "")
    if number is None or not phonenumbers.is_valid_number(number):
        return ""
    return international(number)


def read(digits: str, country: str) -> PhoneNumber | None:
    """Read digits, with or without a +, as a telephone number; None when they are none.

    country: ISO 3166 alpha-2 code (CN) that says what a missing country code means, "" for none.
    """
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


def some_country_has(begins: str) -> bool:
    """Say whether numbers in E.164 may begin so, with the digits behind their +."""
    return _is_a_code(begins[:3])


@lru_cache(maxsize=1024)
def _is_a_code(begins: str) -> bool:
    """Say whether a country's code begins with up to three digits, or they begin with it."""
    codes = map(str, COUNTRY_CODE_TO_REGION_CODE)
    return any(code.startswith(begins) or begins.startswith(code) for code in codes)


def normalise(text: str, country: str) -> str:
    """Return the E.164 form of a dialled text, or the text itself when it is no phone number."""
    return e164(text, country) or text


def e164(text: str, country: str) -> str:
    """Return the E.164 form of a dialled text, "" when it is no phone number."""
    return telephone(text, country).number


def _e164(digits: str, country: str) -> str:
    home = _home(country)
    written = home.usual(digits)
    if written or home.is_none(digits):
        return written
    number = read(digits, country)
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


@mypyc_attr(allow_interpreted_subclasses=True)
class _Home(Serializable):
    """The spellings of one country in which nothing but the prefix can be cut off."""

    __slots__ = ("_abroad", "_bare", "_cut", "_existing", "_plus", "_prefixed", "_trunk", "surplus")

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
        # A code of the network's such as *67 or #31#, and 00 too often, behind the own code too.
        self.surplus = _pattern(rf"^(?:[*#]+[0-9]{{2}}[*#]?)?\+?(?:(?:{code})?00)*")

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
_MOST_DIGITS: Final = 20
"""Digits of a number with what is dialled in front of it to call abroad."""

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

"""Prefixes and patterns of which more specific keys leave nothing."""

from typing import Final

import phonenumbers

from callrouter.dialplan.grammar import field_types as fields
from callrouter.lint.findings import Findings, listed
from callrouter.route.callers import telephone_numbers as numbers

_DIGITS: Final = "0123456789"
# A pattern with more keys below it is not looked into: that would take too long.
_COMPARED: Final = 2000


class _Key:
    """A key of `numbers:`. body: its digits and x. open: whether more may follow."""

    __slots__ = ("body", "key", "open")

    def __init__(self, key: str) -> None:
        self.key = key
        self.body = key.removesuffix("*")
        self.open = self.body != key

    def covers(self, body: str, open: bool) -> bool:
        """Say whether all that another body stands for fits this key too."""
        if len(body) < len(self.body) or (open and not self.open):
            return False
        if len(body) > len(self.body) and not self.open:
            return False
        pairs = zip(self.body, body, strict=False)
        return all(mine == theirs or (mine == "x" and theirs != "+") for mine, theirs in pairs)


def shadowed_numbers(found: Findings) -> None:
    """Warn of prefixes and patterns of which other keys, more specific, leave nothing."""
    keys = [_Key(key) for key in found.section("numbers")]
    wild = [key for key in keys if not fields.is_written_out(key.key)]
    written: dict[str, list[_Key]] = {_head(key): [] for key in wild}
    lengths = {len(head) for head in written}
    for key in keys:
        for length in lengths:
            below = written.get(key.body[:length]) if length <= len(key.body) else None
            if below is not None and len(below) <= _COMPARED:
                below.append(key)
    same = {_home(key.key, found): key.key for key in wild if key.key.startswith("+")}
    for key in wild:
        twin = same.get(key.key)
        if twin is not None:
            message = f"'{twin}' beats '{key.key}' for every telephone number: they are the same"
            found.at_key(("numbers", key.key), message)
        elif not key.open:
            beating = _beating(key, key.body, written)
            if beating:
                by = listed(sorted({one.key for one in beating}))
                found.at_key(("numbers", key.key), f"no number is left for it: {by} beat it")


def _head(key: _Key) -> str:
    return key.body.partition("x")[0]


def _beating(key: _Key, body: str, written: dict[str, list[_Key]]) -> list[_Key]:
    """Return keys that together leave nothing of a body, none when something is left."""
    below = written[_head(key)]
    if len(below) > _COMPARED:
        return []
    candidates = [
        other for other in below if other is not key and _digits(other.body) > _digits(key.body)
    ]
    return _cover(body, key.open, candidates)


def _cover(body: str, open: bool, candidates: list[_Key]) -> list[_Key]:
    for other in candidates:
        if other.covers(body, open):
            return [other]
    left = [other for other in candidates if _meets(other, body)]
    place = body.find("x")
    if len(left) < len(_DIGITS) or place < 0:
        return []
    all_of_them = []
    for digit in _DIGITS:
        part = _cover(f"{body[:place]}{digit}{body[place + 1 :]}", open, left)
        if not part:
            return []
        all_of_them += part
    return all_of_them


def _meets(other: _Key, body: str) -> bool:
    pairs = zip(other.body, body, strict=False)
    return all("x" in pair or pair[0] == pair[1] for pair in pairs)


def _digits(body: str) -> int:
    return sum(place != "x" for place in body)


def _home(key: str, found: Findings) -> str:
    """Write an international prefix or pattern as its own country dials it."""
    country = found.document.data["country"]
    code = f"+{numbers.country_code(country)}"
    trunk = phonenumbers.ndd_prefix_for_region(country, True)
    return f"{trunk}{key.removeprefix(code)}" if trunk and key.startswith(code) else ""

"""DTMF of a party: the keys that it presses, whatever way they come; each counts once (C3)."""

import re
from typing import Final

from callrouter.sip.message import Request

_KEY: Final = r"([0-9*#A-D]|1[0-5])"
_RELAY: Final = re.compile(
    rf"(?:^|\n)[ \t]{{0,8}}Signal[ \t]{{0,8}}=[ \t]{{0,8}}{_KEY}[ \t]{{0,8}}(?:\r|\n|\Z)",
    re.IGNORECASE,
)
_PLAIN: Final = re.compile(rf"\s{{0,8}}{_KEY}\s{{0,8}}\Z", re.IGNORECASE)
_LARGEST: Final = 512
_NUMBERED: Final = {"10": "*", "11": "#", "12": "A", "13": "B", "14": "C", "15": "D"}
"""Some telephones write the number that the key has in RFC 4733 section 3.2."""


def key_of(request: Request) -> str:
    """The key in an INFO request, "" when there is none: application/dtmf-relay or /dtmf."""
    kind = request.get("content-type").partition(";")[0].strip().lower()
    if len(request.body) > _LARGEST:
        return ""
    text = request.body.decode("latin-1")
    if kind == "application/dtmf-relay":
        found = _RELAY.search(text)
    elif kind == "application/dtmf":
        found = _PLAIN.match(text)
    else:
        return ""
    return "" if found is None else _NUMBERED.get(found[1], found[1].upper())


class DtmfReceiver:
    """Receiver of one party's keys. Many telephones send each key in two ways: the first counts."""

    __slots__ = ("_method", "pressed")

    def __init__(self) -> None:
        self._method = ""
        self.pressed = ""

    def press(self, key: str, method: str) -> bool:
        """Take a key; False when it is a second copy."""
        if self._method != method:
            if self._method not in {"", "inband"}:
                return False
            # Its tone was heard before the event came; from now on keys come by events.
            copied = bool(self._method) and self.pressed.endswith(key)
            self._method = method
            if copied:
                return False
        self.pressed += key
        return True

"""Keys that a party presses, whatever way they come: each counts once (C3)."""

import re
from typing import Final

from callrouter.sip.message import Request

_RELAY: Final = re.compile(
    r"(?:^|\n)[ \t]{0,8}Signal[ \t]{0,8}=[ \t]{0,8}([0-9*#A-Da-d])", re.IGNORECASE
)
_PLAIN: Final = re.compile(r"\s{0,8}([0-9*#A-Da-d])\s{0,8}\Z")
_LARGEST: Final = 512


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
    return "" if found is None else found[1].upper()


class Keys:
    """What one party has pressed. Many telephones send each key in two ways: the first counts."""

    __slots__ = ("_method", "pressed")

    def __init__(self) -> None:
        self._method = ""
        self.pressed = ""

    def press(self, key: str, method: str) -> bool:
        """Take a key; False when it is a second copy."""
        self._method = self._method or method
        if method != self._method:
            return False
        self.pressed += key
        return True

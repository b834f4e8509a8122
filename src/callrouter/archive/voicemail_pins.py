"""The PINs by which messages are heard."""

import re
import secrets
from collections.abc import Mapping
from typing import Final

import structlog

from callrouter.route.rules.mailboxes import Box
from callrouter.secret import SecretError, read_secret

_PIN: Final = re.compile(r"[0-9]{4,12}")
_MOST_WRONG: Final = 10
"""Wrong PINs in a row after which a box stays shut to who tried them: a PIN has few digits."""
_SHUT_SECONDS: Final = 900.0

_log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


class Pins:
    """The PINs of the boxes, as they were read last."""

    def __init__(self) -> None:
        self._pins: dict[str, str] = {}
        # By box and origin, of which there are as many as the dialplan has trunks and telephones.
        self._wrong: dict[tuple[str, str], int] = {}
        self._shut: dict[tuple[str, str], float] = {}

    def read(self, boxes: Mapping[str, Box]) -> None:
        """Read them all. One that cannot be read is logged, and its box stays shut."""
        pins = {}
        for name, box in boxes.items():
            if box.pin is None:
                continue
            try:
                pin = read_secret(box.pin)
            except SecretError as error:
                _log.error("a voicemail box cannot be opened", box=name, error=str(error))
                continue
            if _PIN.fullmatch(pin) is None:
                error_text = "its PIN is not 4 to 12 digits"
                _log.error("a voicemail box cannot be opened", box=name, error=error_text)
                continue
            pins[name] = pin
        self._pins = pins

    def check(self, box: str, digits: str, origin: str, now: float) -> bool:
        """Whether this is the PIN. now: monotonic seconds.

        origin: from where it is tried. Who guesses there shuts the box to nobody elsewhere.
        """
        pin = self._pins.get(box)
        tried = (box, origin)
        if pin is None or now < self._shut.get(tried, 0.0):
            return False
        if secrets.compare_digest(pin.encode(), digits.encode()):
            self._wrong.pop(tried, None)
            return True
        self._wrong[tried] = self._wrong.get(tried, 0) + 1
        if self._wrong[tried] >= _MOST_WRONG:
            del self._wrong[tried]
            self._shut[tried] = now + _SHUT_SECONDS
            _log.warning("a voicemail box is shut: too many wrong PINs", box=box, origin=origin)
        return False

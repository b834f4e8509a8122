"""Two offers that have crossed: how long to wait before ours goes out again."""

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from callrouter.call.leg import Leg

_OWNER: Final = (2.1, 4.0)
_OTHER: Final = (0.0, 2.0)
_DIGITS: Final = 4


def back_off(leg: "Leg") -> float:
    """The seconds after a 491, by chance; a B-leg's Call-ID is ours (RFC 3261 section 14.1)."""
    least, most = _OWNER if leg.number else _OTHER
    chance = int(leg.stack.token()[:_DIGITS], 16) / (16**_DIGITS - 1)
    return round(least + chance * (most - least), 2)  # in units of 10 ms

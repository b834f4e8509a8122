"""Fraud guards: what calls look like that somebody makes with a stolen password (D5).

Guards look at calls abroad, and at those to numbers that cost more. What one finds is an alarm;
where its rule says so, the extension's calls of that sort are barred until somebody lifts it.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

from callrouter.serializable import Serializable

COMPANY: Final = "company"
EXTENSION: Final = "extension"

NEW_COUNTRY: Final = "new_country"
SHORT_CALLS: Final = "short_calls"
ALARMS: Final = (NEW_COUNTRY, SHORT_CALLS)
"""What guards find."""
LONGEST_WITHIN: Final = 86400.0
"""No guard looks back further at short calls, in seconds."""


@dataclass(slots=True, kw_only=True)
class FraudGuards(Serializable):
    """The guards of a dialplan.

    new_country: whose first call to a country is told, COMPANY or EXTENSION, "" for nobody's.
    short_calls: so many calls of an extension to one range, answered and shorter than
    `short_seconds`, within `within_seconds`, are told; 0 for none. bars: of ALARMS, those after
    which the extension's calls are barred.
    """

    new_country: str = ""
    short_calls: int = 0
    short_seconds: float = 0.0
    within_seconds: float = 0.0
    bars: frozenset[str] = frozenset()


class WatchedCall(NamedTuple):
    """What is looked at of a call to outside, when it goes out and when it is over.

    number: as rate plans have it. countries: where it may go abroad, with the range of numbers it
    is of; guards: None for a call that they are not for. spends: what it costs counts.
    """

    number: str
    countries: tuple[str, ...]
    range: str
    guards: FraudGuards | None
    spends: bool


class Barring(NamedTuple):
    """Calls of an extension that are barred. why: for people. at: since when, a steady time."""

    why: str
    at: float


class Alarm(NamedTuple):
    """What a guard has found.

    kind: of ALARMS. call: the id of its record. what: the countries, or the range. first_of: whose
    first call there it is, "" for no such alarm. calls: how many short ones. barred: the
    extension's calls are, from now on. at: a steady time.
    """

    kind: str
    extension: str
    call: str
    what: str
    first_of: str
    calls: int
    barred: bool
    at: float

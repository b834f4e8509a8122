"""What events say of a number, beside what happens to its calls."""

from dataclasses import dataclass
from typing import Final

from callrouter.route.callers.number_lists import NumberList
from callrouter.serializable import Serializable


@dataclass(slots=True, kw_only=True, eq=False)
class EventRule(Serializable):
    """What events say of a number. name: what it is for, "" for nothing.

    notify_seconds: a call that lasts longer is told of, 0 for none. leads: directions of the calls
    that a CRM is to create a lead for. source: of such leads. excepted: lists of callers, and of
    whom we call, that no lead is created for.
    """

    name: str = ""
    notify_seconds: float = 0.0
    leads: frozenset[str] = frozenset()
    source: str = ""
    excepted: tuple[NumberList, ...] = ()


NOTHING_SAID: Final = EventRule()

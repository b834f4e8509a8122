"""The call as events have it: made of its record while it lasts, and of its row once it is over."""

from collections.abc import Mapping
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final

import orjson
import phonenumbers
from phonenumbers import PhoneNumberType

from callrouter.call.services.record import CallRecord, LegRecord
from callrouter.observe.cdr.rows import COLUMNS, Row
from callrouter.route.callers.number_lists import Caller
from callrouter.route.rules.compiled_dialplan import Dialplan
from callrouter.route.rules.hunt_strategies import HuntRule
from callrouter.route.rules.number_rules import NOTHING_SAID, EventRule, Number
from callrouter.route.values.decision import INBOUND

_SAME: Final = (
    *("id", "direction", "trunk", "caller", "caller_number", "called", "called_number"),
    *("extension", "line", "call_back_of", "started"),
)
"""What is said as the record has it."""
_LISTS: Final = ("legs", "queues", "heard", "recordings", "voicemail")
"""Columns that are lists, as far as they are told of: to read all is a third of the work."""
_OF_THE_END: Final = ("disposition", "status", "cause", "reason", "hung_up_by")
_TIMES: Final = ("ringing_ms", "answered_ms", "ended_ms")
_same_of: Final = attrgetter(*_SAME)
_times_of: Final = attrgetter(*_TIMES)

_KINDS: Final = {
    PhoneNumberType.TOLL_FREE: "toll_free",
    PhoneNumberType.SHARED_COST: "shared_cost",
    PhoneNumberType.PREMIUM_RATE: "premium",
    PhoneNumberType.MOBILE: "mobile",
    PhoneNumberType.FIXED_LINE: "fixed",
}

Values = dict[str, Any]
"""What the record or the row of a call says, by the record's names."""


class Owners:
    """Who owns the calls of one dialplan: the extension of each target."""

    def __init__(self, dialplan: Dialplan) -> None:
        self._extensions = dialplan.extensions
        self._of: dict[str, str] = {}
        for key, extension in dialplan.extensions.items():
            behind = [step for step in extension.afterwards if isinstance(step, HuntRule)]
            for rule in (extension.rule, *behind):
                for leaf in rule.order.leaves():
                    self._of.setdefault(leaf.target.name, leaf.target.extension or key)

    def of(self, target: str, extension: str = "") -> str:
        """The extension of a leg, "" for none. extension: as its record has it."""
        if extension in self._extensions:
            return extension
        return self._of.get(extension or target) or self._of.get(target, "")

    def targets_of(self, extension: str) -> list[str]:
        """The targets whose legs are an extension's."""
        return [target for target, owner in self._of.items() if owner == extension]

    def of_leg(self, leg: LegRecord) -> str:
        """The same of a leg in progress."""
        return self.of(leg.target, leg.extension)


class ToldCall:
    """What is known of a call beside its record, while others are told of it.

    rule, number: of the number that it is about; None for none. shown: which of ours the called
    party sees, "" for none; it is about that. excluded: the other party is in a
    list of those that no lead is created for. owner, previous_owner: extensions. ringing: who rings
    now, by leg. count: events so far that may come more than once.
    """

    __slots__ = (
        *("count", "excluded", "leads", "next_owner", "number", "owner", "owners"),
        *("previous_owner", "ringing", "rule", "shown", "timer"),
    )

    def __init__(self, values: Mapping[str, Any], dialplan: Dialplan, owners: Owners) -> None:
        self.about(_shown_first(values, dialplan), values, dialplan)
        self.owner: str = values["extension"]
        self.previous_owner = ""
        self.next_owner = ""
        self.ringing: dict[LegRecord, str] = {}
        self.owners = owners
        self.count = 0
        self.timer: Any = None

    def about(self, shown: str, values: Mapping[str, Any], dialplan: Dialplan) -> None:
        """Be about the number that was called or, outbound, about the one that is shown."""
        self.shown = shown
        number = _number_of(shown, values, dialplan)
        self.number: Values | None = None
        self.rule: EventRule = NOTHING_SAID
        if number is not None:
            self.rule = number.events
            key = values["number"] or number.key  # of a prefix's numbers the key is the prefix
            self.number = {"key": key, "name": self.rule.name, "kind": kind_of(number.normal)}
        direction: str = values["direction"]
        other = values["caller" if direction == INBOUND else "called"]
        other = values["caller_number" if direction == INBOUND else "called_number"] or other
        self.excluded = bool(self.rule.excepted) and any(
            one.find(Caller(other, dialplan.country)) for one in self.rule.excepted
        )
        self.leads = direction in self.rule.leads and not self.excluded

    @property
    def key(self) -> str:
        """Of the number that the call is about, "" for none."""
        return "" if self.number is None else str(self.number["key"])


def _number_of(shown: str, values: Mapping[str, Any], dialplan: Dialplan) -> Number | None:
    """The number that a call is about: the one called or, outbound, the one that is shown."""
    if values["number"]:
        return dialplan.numbers.get(values["number"])
    return dialplan.index.find(shown, dialplan.country).number if shown else None


def _shown_first(values: Mapping[str, Any], dialplan: Dialplan) -> str:
    """Which of our numbers a call by a line is to show, as far as it is known when it begins."""
    outbound = dialplan.outbound
    line = None if outbound is None else outbound.lines.get(values["line"] or "")
    if line is None:
        return ""
    if values.get("shown"):
        return str(values["shown"])
    extension = dialplan.extensions.get(values["extension"])
    own = "" if extension is None else extension.caller_id
    return own or line.caller_id


@lru_cache(maxsize=4096)
def kind_of(number: str) -> str:
    """What kind of number it is, in E.164; "" where its digits do not tell."""
    if not number.startswith("+"):
        return ""
    return _KINDS.get(phonenumbers.number_type(phonenumbers.parse(number)), "")


def of_record(record: CallRecord) -> Values:
    """What a call in progress says of itself."""
    values: Values = dict(zip(_SAME, _same_of(record), strict=True))
    values.update(zip(_TIMES, _times_of(record), strict=True))
    values["ended_ms"] = None
    values["number"] = record.number
    values["shown"] = _chosen(record)
    legs = record.legs
    values["target"] = (record.talking() or legs)[-1].target if legs else ""
    values["queue"] = record.queues[-1].queue if record.queues else ""
    values["survey"] = ""
    values["recordings"] = [kept.id for kept in record.recordings if kept.id]
    values["messages"] = [kept.id for kept in record.voicemail if kept.id]
    return values


def _chosen(record: CallRecord) -> str:
    """The number of `caller_ids` that is chosen for a call by a line, "" for none."""
    for verdict in record.trace if record.line else ():
        if verdict.rule.startswith("caller_ids of "):
            return verdict.value
    return ""


def of_row(columns: Row) -> Values:
    """What the row of a call that is over says."""
    row: dict[str, Any] = dict(zip(COLUMNS, columns, strict=True))
    for name in _LISTS:
        row[name] = [] if row[name] == "[]" else orjson.loads(row[name])
    values: Values = {name: row[name] for name in (*_SAME, *_TIMES, *_OF_THE_END, "number")}
    values["call_back_of"] = row["call_back_of"] or ""  # of an earlier version
    legs = row["legs"]
    talked = [leg for leg in legs if leg["answered_ms"] is not None]
    values["target"] = (talked or legs)[-1]["target"] if legs else ""
    values["talked"] = bool(talked)
    values["answered_by"] = talked[-1]["target"] if talked else ""
    values["queue"] = row["queues"][-1]["queue"] if row["queues"] else ""
    heard = [one["which"] for one in row["heard"] if one["what"] == "survey"]
    values["survey"] = heard[-1] if heard else ""
    values["recordings"] = [kept["id"] for kept in row["recordings"] if kept["id"]]
    values["messages"] = [kept["id"] for kept in row["voicemail"] if kept["id"]]
    values["cost"] = None
    if row["cost"] is not None:
        cost = {"amount": row["cost"], "currency": row["currency"]}
        values["cost"] = {**cost, "seconds": row["billed_seconds"]}
    return values


def call_object(told: ToldCall, values: Values) -> Values:
    """The call as an event has it: see `CallObject`. values: of its record, or of its row."""
    started: float = values["started"]
    found = {name: values[name] for name in _SAME}
    found["started"] = round(started, 3)
    for name in _TIMES:
        ms = values[name]
        at = f"{name.removesuffix('_ms')}_at"
        found[at] = None if ms is None else round(started + ms / 1000, 3)
    over = "disposition" in values
    for name in _OF_THE_END:
        found[name] = values[name] if over else (0 if name in {"status", "cause"} else "")
    found["number"] = told.number
    found["ringing"] = [] if over else list(dict.fromkeys(told.ringing.values()))
    found["cost"] = values.get("cost")
    for name in ("target", "queue", "survey", "recordings", "messages"):
        found[name] = values[name]
    found["create"] = told.leads
    found["source"] = told.rule.source
    found["excluded"] = told.excluded
    found["owner"] = told.owner
    found["previous_owner"] = told.previous_owner
    return found

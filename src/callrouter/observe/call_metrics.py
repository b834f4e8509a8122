"""Metrics of calls: plain ints that the loop adds to and a scrape only reads."""

from typing import Final

from callrouter.call.services.call_events import CallKept
from callrouter.call.services.record import CallRecord
from callrouter.metric import Histogram, Rows, counter, histogram

# A number that nobody dialled before must not be able to fill the memory of us and Prometheus.
_LABELS_KEPT: Final = 10_000
OTHER: Final = "other"
"""The label of all numbers, or targets, past the first 10,000."""

_ANSWER_MS: Final = (500, 1000, 2000, 3000, 5000, 8000, 12000, 20000, 30000, 60000, 120000)
_RINGING_MS: Final = (10, 25, 50, 100, 250, 500, 1000, 2000, 4000, 8000, 16000)
_CALL_MS: Final = (
    *(1000, 5000, 10_000, 30_000, 60_000, 120_000),
    *(300_000, 600_000, 1_800_000, 3_600_000, 7_200_000),
)


class CallMetrics:
    """What calls came to.

    calls: by disposition and number. legs: by target and status. gateway_legs: by gateway, a name
    of the dialplan, so never many, and status. messages, recordings: by result. setup, ringing,
    duration: of calls that got so far.
    """

    def __init__(self) -> None:
        self.calls: dict[tuple[str, str], int] = {}
        self.legs: dict[tuple[str, int], int] = {}
        self.gateway_legs: dict[tuple[str, int], int] = {}
        self.messages: dict[str, int] = {}
        self.recordings: dict[str, int] = {}
        self.setup = Histogram(_ANSWER_MS)
        self.ringing = Histogram(_RINGING_MS)
        self.duration = Histogram(_CALL_MS)
        self._numbers: set[str] = set()
        self._targets: set[str] = set()

    def call_ended(self, record: CallRecord) -> None:
        """Count a call that is over."""
        disposition = record.disposition._value_
        try:
            self.calls[disposition, record.number] += 1
        except KeyError:
            key = (disposition, _bounded(record.number, self._numbers))
            self.calls[key] = self.calls.get(key, 0) + 1
        for leg in record.legs:
            try:
                self.legs[leg.target, leg.status] += 1
            except KeyError:
                place = (_bounded(leg.target, self._targets), leg.status)
                self.legs[place] = self.legs.get(place, 0) + 1
            if leg.gateway:
                out = (leg.gateway, leg.status)
                self.gateway_legs[out] = self.gateway_legs.get(out, 0) + 1
        ringing = record.ringing_ms
        if ringing is not None:
            self.ringing.add(ringing)
        answered = record.answered_ms
        if answered is not None:
            self.setup.add(answered)
            self.duration.add(record.ended_ms - answered)

    def message_ended(self, event: CallKept) -> None:
        """Count a message of a caller by what became of it."""
        self.messages[event.kept.result] = self.messages.get(event.kept.result, 0) + 1

    def recording_ended(self, event: CallKept) -> None:
        """Count a recording by what became of it."""
        self.recordings[event.kept.result] = self.recordings.get(event.kept.result, 0) + 1


METRICS: Final[Rows[CallMetrics]] = (
    counter(
        "callrouter_calls",
        "Each call that ended counts one, by its disposition and the number called; when the "
        "answered ones get fewer, a route or a carrier fails.",
        lambda it: it.calls,
        *("disposition", "number"),
    ),
    counter(
        "callrouter_legs",
        "Each leg to a target that ended counts one, by its final SIP status (0: none came); "
        "it says which target fails.",
        lambda it: it.legs,
        *("target", "code"),
    ),
    counter(
        "callrouter_gateway_legs",
        "Each leg that went out by a gateway and ended counts one, by its final SIP status (0: "
        "none came); many 5xx say that it takes no calls.",
        lambda it: it.gateway_legs,
        *("gateway", "code"),
    ),
    histogram(
        "callrouter_setup_seconds",
        "Each answered call adds the seconds from its start to its answer; they "
        "grow when targets are slow, or many ring in turn.",
        lambda it: it.setup,
    ),
    histogram(
        "callrouter_post_dial_delay_seconds",
        "Each call that rang adds the seconds from its start to its ringing; until then its "
        "caller hears nothing.",
        lambda it: it.ringing,
    ),
    histogram(
        "callrouter_call_seconds",
        "Each answered call adds the seconds from its answer to its end; many short ones "
        "point to broken audio.",
        lambda it: it.duration,
    ),
    counter(
        "callrouter_messages",
        "Each message of a caller counts one, by what became of it; look at the disk "
        "when they are broken, full or failed.",
        lambda it: it.messages,
        "result",
    ),
    counter(
        "callrouter_recordings",
        "Each recording counts one, by what became of it; look at the disk when they are "
        "broken, full or failed.",
        lambda it: it.recordings,
        "result",
    ),
)


def _bounded(label: str, known: set[str]) -> str:
    if label in known:
        return label
    if len(known) >= _LABELS_KEPT:
        return OTHER
    known.add(label)
    return label

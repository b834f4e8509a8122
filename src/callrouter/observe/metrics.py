"""Metrics of calls for Prometheus: plain ints that the loop adds to and a scrape only reads."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from prometheus_client import CollectorRegistry, ProcessCollector, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from callrouter.call.services.record import CallRecord, KeptRecord
from callrouter.errors import CallrouterError
from callrouter.observe.gateway_metrics import GatewayFigures, GatewayLegs, families
from callrouter.observe.metric_names import COUNTERS, GAUGES

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
_LAG_MS: Final = (1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 75, 100, 200, 500, 1000)


class MetricsError(CallrouterError):
    """A metrics address that cannot be listened on."""


@dataclass(slots=True, kw_only=True)
class Sources:
    """The sources of metrics: what the other parts can tell, as callables.

    They are called in the scrape's thread, so each may only read what is there.
    """

    gateways: Callable[[], list[GatewayFigures]]
    unanswered: Callable[[], Mapping[str, int]]

    active_calls: Callable[[], int]
    active_legs: Callable[[], int]
    transactions: Callable[[], int]
    timers: Callable[[], int]
    retransmissions: Callable[[], int]
    malformed: Callable[[], int]
    over_headers: Callable[[], int]
    over_header_size: Callable[[], int]
    over_body_size: Callable[[], int]
    dropped: Callable[[], int]
    strangers: Callable[[], int]
    banned: Callable[[], int]
    bans: Callable[[], int]
    dropped_banned: Callable[[], int]
    dropped_over_source: Callable[[], int]
    dropped_over_all: Callable[[], int]
    dropped_over_trunk: Callable[[], int]
    dropped_scanners: Callable[[], int]
    dropped_large: Callable[[], int]
    dropped_over_size: Callable[[], int]
    refused_late: Callable[[], int]
    refused_fast: Callable[[], int]
    refused_full: Callable[[], int]
    lost: Callable[[], int]
    overloaded: Callable[[], int]
    auth_challenged: Callable[[], int]
    auth_failed: Callable[[], int]
    auth_dropped: Callable[[], int]
    auth_without_qop: Callable[[], int]
    auth_other_uri: Callable[[], int]
    bindings: Callable[[], int]
    registrations: Callable[[], int]
    registrations_failed: Callable[[], int]
    records_queued: Callable[[], int]
    records_written: Callable[[], int]
    records_spooled: Callable[[], int]
    records_replayed: Callable[[], int]
    records_rejected: Callable[[], int]
    records_lost: Callable[[], int]
    calls_lost: Callable[[], int]
    journal_waiting: Callable[[], int]
    calls_unjournaled: Callable[[], int]
    journal_rejected: Callable[[], int]
    records_failing: Callable[[], bool]
    journal_failing: Callable[[], bool]
    state_failing: Callable[[], bool]
    archive_failing: Callable[[], bool]
    connections: Callable[[], int]
    connections_over_limit: Callable[[], int]
    connections_over_source: Callable[[], int]
    connections_handshake: Callable[[], int]
    connections_silent: Callable[[], int]
    connections_slow_writer: Callable[[], int]
    connections_slow_reader: Callable[[], int]
    connections_idle: Callable[[], int]
    connections_broken: Callable[[], int]
    media_starting: Callable[[], int]
    media_serving: Callable[[], int]
    media_retiring: Callable[[], int]
    media_slots: Callable[[], int]
    media_used: Callable[[], int]
    media_refused: Callable[[], int]
    media_unwritten: Callable[[], int]
    recordings_failed: Callable[[], int]
    media_died: Callable[[], int]
    media_hung: Callable[[], int]
    media_broken: Callable[[], int]


_STORES: Final = ("records", "journal", "state", "archive")
_WORKERS: Final = ("starting", "serving", "retiring")
_LOSSES: Final = ("died", "hung", "broken")


class Histogram:
    """A histogram: how often a duration fell into each bucket.

    bounds: upper ends in ms, ascending.
    """

    __slots__ = ("bounds", "counts", "total_ms")

    def __init__(self, bounds: tuple[int, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total_ms = 0.0

    def add(self, ms: float) -> None:
        """Count one duration; a bucket holds its own upper end."""
        self.counts[bisect_left(self.bounds, ms)] += 1
        self.total_ms += ms

    def family(self, name: str, help: str) -> HistogramMetricFamily:
        """As Prometheus takes it: in seconds, each bucket with all below it."""
        ends = [*(str(bound / 1000) for bound in self.bounds), "+Inf"]
        buckets = list(zip(ends, accumulate(self.counts), strict=True))
        return HistogramMetricFamily(name, help, buckets=buckets, sum_value=self.total_ms / 1000)


class Metrics(Collector):
    """The metrics: what calls came to, and at a scrape what the other parts tell."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._calls: dict[tuple[str, str], int] = {}
        self._legs: dict[tuple[str, int], int] = {}
        self._numbers: set[str] = set()
        self._targets: set[str] = set()
        self._by_gateway = GatewayLegs()
        self._messages: dict[str, int] = {}
        self._recordings: dict[str, int] = {}
        self._setup = Histogram(_ANSWER_MS)
        self._ringing = Histogram(_RINGING_MS)
        self._duration = Histogram(_CALL_MS)
        self.loop_lag = Histogram(_LAG_MS)
        self.media_ack = Histogram(_LAG_MS)

    def call_ended(self, record: CallRecord) -> None:
        """Count a call that is over."""
        disposition = record.disposition._value_
        try:
            self._calls[disposition, record.number] += 1
        except KeyError:
            key = (disposition, _bounded(record.number, self._numbers))
            self._calls[key] = self._calls.get(key, 0) + 1
        for leg in record.legs:
            try:
                self._legs[leg.target, leg.status] += 1
            except KeyError:
                place = (_bounded(leg.target, self._targets), leg.status)
                self._legs[place] = self._legs.get(place, 0) + 1
            if leg.gateway:
                self._by_gateway.add(leg)
        ringing = record.ringing_ms
        if ringing is not None:
            self._ringing.add(ringing)
        answered = record.answered_ms
        if answered is not None:
            self._setup.add(answered)
            self._duration.add(record.ended_ms - answered)
        if record.voicemail or record.recordings:
            _count(self._messages, record.voicemail)
            _count(self._recordings, record.recordings)

    def collect(self) -> Iterator[Metric]:
        """Called for each scrape, in its own thread."""
        # list(): one step for the interpreter, so the loop cannot add a key in the middle of it.
        calls = CounterMetricFamily(
            "callrouter_calls",
            "Each call that ended counts one, by its disposition and the number called; when the "
            "answered ones get fewer, a route or a carrier fails.",
            labels=("disposition", "number"),
        )
        for (disposition, number), count in list(self._calls.items()):
            calls.add_metric((disposition, number), count)
        yield calls
        legs = CounterMetricFamily(
            "callrouter_legs",
            "Each leg to a target that ended counts one, by its final SIP status (0: none came); "
            "it says which target fails.",
            labels=("target", "code"),
        )
        for (target, status), count in list(self._legs.items()):
            legs.add_metric((target, str(status)), count)
        yield legs
        yield self._by_gateway.family()
        yield from families(self._sources.gateways())
        yield _by_port(self._sources.unanswered())
        yield self._setup.family(
            "callrouter_setup_seconds",
            "Each answered call adds the seconds from its start to its answer; they "
            "grow when targets are slow, or many ring in turn.",
        )
        yield self._ringing.family(
            "callrouter_post_dial_delay_seconds",
            "Each call that rang adds the seconds from its start to its ringing; until then its "
            "caller hears nothing.",
        )
        yield self._duration.family(
            "callrouter_call_seconds",
            "Each answered call adds the seconds from its answer to its end; many short ones "
            "point to broken audio.",
        )
        yield self.loop_lag.family(
            "callrouter_loop_lag_seconds",
            "Each measurement adds the seconds by which the event loop came round late; they "
            "grow when the processor core is full.",
        )
        for name, metric, text in GAUGES:
            yield GaugeMetricFamily(metric, text, value=getattr(self._sources, name)())
        for name, metric, text in COUNTERS:
            yield CounterMetricFamily(metric, text, value=getattr(self._sources, name)())
        failing = GaugeMetricFamily(
            "callrouter_store_failing",
            "A store has 1 while it cannot be written, else 0; the log says what is wrong with it.",
            labels=("store",),
        )
        for store in _STORES:
            failing.add_metric((store,), float(getattr(self._sources, f"{store}_failing")()))
        yield failing
        yield from self._media()

    def _media(self) -> Iterator[Metric]:
        for name, text, counts in (
            (
                "callrouter_messages",
                "Each message of a caller counts one, by what became of it; look at the disk "
                "when they are broken, full or failed.",
                self._messages,
            ),
            (
                "callrouter_recordings",
                "Each recording counts one, by what became of it; look at the disk when they are "
                "broken, full or failed.",
                self._recordings,
            ),
        ):
            family = CounterMetricFamily(name, text, labels=("result",))
            for result, count in list(counts.items()):
                family.add_metric((result,), count)
            yield family
        workers = GaugeMetricFamily(
            "callrouter_media_workers",
            "This many media workers are in each state; while none serves, no call hears us.",
            labels=("state",),
        )
        for state in _WORKERS:
            workers.add_metric((state,), getattr(self._sources, f"media_{state}")())
        yield workers
        losses = CounterMetricFamily(
            "callrouter_media_lost",
            "Each media worker that died, hung or broke the protocol counts one; its calls lost "
            "their media.",
            labels=("why",),
        )
        for why in _LOSSES:
            losses.add_metric((why,), getattr(self._sources, f"media_{why}")())
        yield losses
        yield self.media_ack.family(
            "callrouter_media_ack_seconds",
            "Each command to a media worker adds the seconds until it was done; workers with "
            "too much to do take long.",
        )


class MetricsServer:
    """The metrics over HTTP at `http://host:port/metrics`, in its own thread until `close`.

    port 0 takes a free one; `port` tells which. Raises MetricsError when the address is taken.
    """

    def __init__(self, metrics: Metrics, host: str, port: int) -> None:
        registry = CollectorRegistry(auto_describe=False)
        registry.register(metrics)
        ProcessCollector(registry=registry)
        try:
            self._server, self._thread = start_http_server(port, host, registry)
        except OSError as error:
            raise MetricsError(f"metrics cannot listen on {host}:{port}: {error}") from error
        self.port = self._server.server_port

    def close(self) -> None:
        """Stop listening; takes up to half a second, so not in the event loop's thread."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _count(counts: dict[str, int], kept: Iterable[KeptRecord]) -> None:
    for one in kept:
        counts[one.result] = counts.get(one.result, 0) + 1


def _bounded(label: str, known: set[str]) -> str:
    if label in known:
        return label
    if len(known) >= _LABELS_KEPT:
        return OTHER
    known.add(label)
    return label


def _by_port(counts: Mapping[str, int]) -> CounterMetricFamily:
    """What the shared state did not answer."""
    family = CounterMetricFamily(
        "callrouter_shared_state_unanswered",
        "Each question to the shared state that had no answer in time adds one, by what it was "
        "about; it grows when the state is away, and calls go on without it.",
        labels=("port",),
    )
    for port, count in counts.items():
        family.add_metric((port,), count)
    return family

"""The registry of metrics, and its exposition for Prometheus over HTTP."""

from collections.abc import Iterator
from itertools import accumulate
from typing import Final, Generic

from prometheus_client import CollectorRegistry, ProcessCollector, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from callrouter.errors import CallrouterError
from callrouter.metric import Histogram, Metric, Rows, Value, Whole

_FAMILIES: Final = {"counter": CounterMetricFamily, "gauge": GaugeMetricFamily}


class MetricsError(CallrouterError):
    """A metrics address that cannot be listened on."""


class Registry(Collector, Generic[Whole]):
    """All metrics of a process: rows, and what they are read of."""

    def __init__(self, rows: Rows[Whole], whole: Whole) -> None:
        self._rows = rows
        self._whole = whole

    def collect(self) -> Iterator[Family]:
        """Called for each scrape, in its own thread."""
        for row in self._rows:
            yield family(row, row.read(self._whole))


def family(row: Metric[Whole], value: Value) -> Family:
    """A metric with its value as Prometheus takes it: durations in seconds."""
    if isinstance(value, Histogram):
        ends = [*(str(bound / 1000) for bound in value.bounds), "+Inf"]
        # Each bucket with all below it.
        buckets = list(zip(ends, accumulate(value.counts), strict=True))
        return HistogramMetricFamily(row.name, row.help, buckets, value.total_ms / 1000)
    found: CounterMetricFamily | GaugeMetricFamily
    found = _FAMILIES[row.type](row.name, row.help, labels=row.labels)
    if isinstance(value, float | int):
        found.add_metric((), value)
        return found
    # list(): one step for the interpreter, so the loop cannot add a key in the middle of it.
    for labels, number in list(value.items()):
        each = labels if isinstance(labels, tuple) else (labels,)
        found.add_metric([str(label) for label in each], float(number))
    return found


class MetricsServer:
    """The metrics over HTTP at `http://host:port/metrics`, in its own thread until `close`.

    port 0 takes a free one; `port` tells which. Raises MetricsError when the address is taken.
    """

    def __init__(self, metrics: Collector, host: str, port: int) -> None:
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

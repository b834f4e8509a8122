"""The registry of metrics, and its exposition for Prometheus over HTTP."""

import io
import socket
import sys
import threading
from collections.abc import Iterator
from functools import partial
from itertools import accumulate
from socketserver import TCPServer, ThreadingMixIn
from typing import Any, Final, Generic, TextIO
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import structlog
from prometheus_client import CollectorRegistry, ProcessCollector, make_wsgi_app
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from callrouter.errors import CallrouterError
from callrouter.metric import Histogram, Metric, Rows, Value, Whole

AT_ONCE: Final = 16
"""Scrapes at the same time; more are hung up on."""

_log: structlog.typing.FilteringBoundLogger = structlog.get_logger()
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

    Whoever may reach it cannot do more than that: scrapes are bounded in number and in time, and
    who goes away in the middle of one is nobody's fault.

    host: an IP address. port: 0 takes a free one; `port` tells which. Raises MetricsError when the
    address is taken.
    """

    def __init__(self, metrics: Collector, host: str, port: int) -> None:
        registry = CollectorRegistry(auto_describe=False)
        registry.register(metrics)
        ProcessCollector(registry=registry)
        try:
            self._server = _ScrapeServer(host, port)
        except OSError as error:
            where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
            why = error.strerror or str(error)
            raise MetricsError(f"metrics cannot listen on {where}: {why}") from error
        self._server.set_app(partial(_exposed, make_wsgi_app(registry)))
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.port = self._server.server_port

    def close(self) -> None:
        """Stop listening; takes up to half a second, so not in the event loop's thread."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _ScrapeServer(ThreadingMixIn, WSGIServer):
    """HTTP server of the metrics: a thread for each scrape, a few at the same time."""

    daemon_threads = True
    request_queue_size = AT_ONCE

    def __init__(self, host: str, port: int) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._free = threading.BoundedSemaphore(AT_ONCE)
        super().__init__((host, port), _Scrape)

    def server_bind(self) -> None:
        """Bind, and ask DNS for no name of ours, which may take long."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = self.socket.getsockname()[:2]
        self.setup_environ()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread; one too many is hung up on."""
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except RuntimeError:  # the system has no thread for it
            self._free.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log a fault of ours; a client that went, or was too slow, is none."""
        error = sys.exception()
        if not isinstance(error, OSError):
            _log.error("internal error in the metrics", exc_info=error)


class _Scrape(WSGIRequestHandler):
    """One scrape. timeout: seconds that the client may take to say or to read something."""

    timeout = 10.0

    def log_message(self, format: str, *args: Any) -> None:
        """Scrapes are no news."""

    def get_stderr(self) -> TextIO:
        """What wsgiref would write of a client that reads nothing goes nowhere."""
        return io.StringIO()


def _exposed(app: WSGIApplication, environ: WSGIEnvironment, start: StartResponse) -> Any:
    try:
        return app(environ, start)
    except Exception as error:  # noqa: BLE001  # a fault of ours costs one scrape
        _log.error("internal error in the metrics", exc_info=error)
        start("500 Internal Server Error", [("Content-Type", "text/plain")])
        return [b"it failed; the log says why\n"]

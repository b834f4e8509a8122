import asyncio
import socket
import struct
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import pytest
from support.observed import Lines, answered, refused
from support.polling import PATIENCE

from callrouter.app.assembly import Parts
from callrouter.app.metric_table import METRICS
from callrouter.call.services import shared_state
from callrouter.call.services.shared_state import PortFailures
from callrouter.dialplan.compile.compiler import compile_dialplan
from callrouter.metric import Histogram, Metric, gauge
from callrouter.observe import call_metrics as counting
from callrouter.observe import metrics as exposing
from callrouter.observe.call_metrics import CallMetrics
from callrouter.observe.log import Log
from callrouter.observe.metrics import MetricsError, MetricsServer, Registry, family
from callrouter.settings.settings_file import Settings
from callrouter.yamlfile.reader import parse

SEVEN: Metric[None] = gauge("callrouter_seven", "It is always 7.", lambda _: 7)


def scraped(registry: Registry) -> dict[tuple[str, ...], float]:
    """(name, label values...) to value."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for found in registry.collect()
        for sample in found.samples
    }


def samples(metrics: CallMetrics) -> dict[tuple[str, ...], float]:
    return scraped(Registry(counting.METRICS, metrics))


def test_calls_and_legs_are_counted_by_their_labels():
    metrics = CallMetrics()
    for record in (answered("a"), answered("b"), refused("c")):
        metrics.call_ended(record)
    found = samples(metrics)
    assert found["callrouter_calls_total", "ANSWERED", "4000"] == 2
    assert found["callrouter_calls_total", "REJECTED", ""] == 1
    assert found["callrouter_legs_total", "first", "200"] == 2


def test_times_of_an_answered_call_are_in_their_histograms_in_seconds():
    metrics = CallMetrics()
    metrics.call_ended(answered())
    metrics.call_ended(refused())
    found = samples(metrics)
    assert found["callrouter_setup_seconds_count",] == 1
    assert found["callrouter_setup_seconds_sum",] == 1.5
    assert found["callrouter_post_dial_delay_seconds_sum",] == 0.02
    assert found["callrouter_call_seconds_sum",] == 60.0
    assert found["callrouter_call_seconds_bucket", "30.0"] == 0
    assert found["callrouter_call_seconds_bucket", "60.0"] == 1


def test_histogram_bucket_holds_its_upper_end_and_all_below_it():
    histogram = Histogram((10, 20))
    for ms in (0, 10, 11, 20, 21, 1_000_000):
        histogram.add(ms)
    found = family(
        Metric(type="histogram", name="x", help="x", read=lambda _: histogram), histogram
    )
    assert [s.value for s in found.samples if s.name == "x_bucket"] == [2, 4, 6]
    assert [s.labels["le"] for s in found.samples if s.name == "x_bucket"] == [
        "0.01",
        "0.02",
        "+Inf",
    ]


def test_numbers_and_targets_past_the_limit_are_counted_as_other(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(counting, "_LABELS_KEPT", 2)
    metrics = CallMetrics()
    for name in ("1", "2", "3", "4", "1"):
        record = answered()
        record.number = record.legs[0].target = name
        metrics.call_ended(record)
    found = samples(metrics)
    assert found["callrouter_calls_total", "ANSWERED", "1"] == 2
    assert found["callrouter_calls_total", "ANSWERED", "other"] == 2
    assert found["callrouter_legs_total", "other", "200"] == 2
    assert ("callrouter_calls_total", "ANSWERED", "3") not in found


PLAN = """
country: CN
trunks:
  lab: {addresses: [127.0.0.0/8]}
gateways:
  a: {address: 192.0.2.1}
  b: {address: 192.0.2.2}
targets:
  out: {number: "1", via: a}
extensions:
  "301": {targets: [out]}
queues:
  support: {agents: ["301"]}
numbers:
  "4000": {route: [{hunt: [out]}]}
"""


async def test_every_metric_is_read_of_the_parts_of_a_process(tmp_path: Path, log: Log):
    settings = Settings.model_validate(
        {
            "listen": ["udp:127.0.0.1:5060"],
            "dialplan": "plan.yaml",
            "state": f"sqlite:///{tmp_path}/state.db",
            "records": {"database": f"sqlite:///{tmp_path}/calls.db", "spool": str(tmp_path)},
        }
    )
    dialplan = compile_dialplan(parse(PLAN, "plan.yaml"))
    parts = Parts(settings, dialplan, log, asyncio.get_running_loop())
    parts.memory.gateways.serve(dialplan.gateways)
    parts.memory.gateways.drain("b")
    queues = parts.memory.queues
    queues.serve(dialplan.queues, dialplan.agents)
    assert queues.join("impatient", "support", 0.0, 0, (), lambda _event: None)
    queues.leave("impatient", 30.0, "abandoned")
    parts.call_metrics.call_ended(answered())
    found = scraped(Registry(METRICS, parts))
    await parts.directory.close()
    names = {f"{row.name}_total" if row.type == "counter" else row.name for row in METRICS}
    assert len(names) == len(METRICS)
    empty = {name for name in names if not any(key[0].startswith(name) for key in found)}
    without = ("gateway_legs_total", "messages_total", "recordings_total")
    unasked = ("webhook_attempts_total", "webhook_backlog")
    assert empty == {f"callrouter_{name}" for name in (*without, *unasked)}
    assert found["callrouter_calls_total", "ANSWERED", "4000"] == 1
    assert found["callrouter_queue_calls_total", "support", "abandoned_late"] == 1
    assert found["callrouter_queue_agents", "support", "ready"] == 1
    assert found["callrouter_queue_service_level", "support", "of_offered"] == 0
    assert found["callrouter_gateway_up", "a"] == 1
    assert found["callrouter_gateway_up", "b"] == 0
    assert found["callrouter_gateway_probes_total", "b", "unanswered"] == 0
    assert found["callrouter_store_failing", "archive"] == 0
    assert found["callrouter_media_lost_total", "hung"] == 0


def test_unanswered_questions_are_counted_by_port():
    failures = PortFailures()
    failures.counts.update({"lines": 3, "presence": 0})
    found = scraped(Registry(shared_state.METRICS, failures))
    name = "callrouter_shared_state_unanswered_total"
    assert (found[name, "lines"], found[name, "presence"]) == (3, 0)


def test_legs_by_a_gateway_are_counted_by_its_name():
    metrics = CallMetrics()
    record = answered()
    record.legs[0].gateway = "a"
    metrics.call_ended(record)
    assert samples(metrics)["callrouter_gateway_legs_total", "a", "200"] == 1


def test_scrape_over_http_then_the_port_is_free_again():
    metrics = Registry((SEVEN,), None)
    server = MetricsServer(metrics, "127.0.0.1", 0)
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/metrics") as answer:
        text = answer.read().decode()
    assert "callrouter_seven 7.0" in text
    assert "process_cpu_seconds_total" in text
    server.close()
    MetricsServer(metrics, "127.0.0.1", server.port).close()


def test_port_in_use_is_a_clear_error():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = f"metrics cannot listen on 127.0.0.1:{port}: Address already in use$"
        with pytest.raises(MetricsError, match=said):
            MetricsServer(Registry((SEVEN,), None), "127.0.0.1", port)


@contextmanager
def exposed(metric: Metric[None] = SEVEN) -> Iterator[Callable[[], socket.socket]]:
    """A server of one metric; what connects to it."""
    server = MetricsServer(Registry((metric,), None), "127.0.0.1", 0)
    place = ("127.0.0.1", server.port)
    yield partial(socket.create_connection, place, timeout=PATIENCE)
    server.close()


def said(client: socket.socket) -> bytes:
    """All that comes until the end of the connection."""
    with client:
        return b"".join(iter(partial(client.recv, 65536), b""))


def test_who_says_nothing_is_hung_up_on_and_one_too_many_at_once(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    with exposed() as connect:
        monkeypatch.setattr(exposing._Scrape, "timeout", None)
        silent = [connect() for _ in range(exposing.AT_ONCE)]
        assert said(connect()) == b""
        for client in silent:
            client.close()
        monkeypatch.setattr(exposing._Scrape, "timeout", 0.1)
        # Until those that have gone are seen to have gone there may be one too many.
        while not said(ask(connect())).startswith(b"HTTP/1.0 200 "):
            pass
        assert said(connect()) == b""
    assert capfd.readouterr().err == ""


def ask(client: socket.socket) -> socket.socket:
    """Ask for the metrics, as far as the connection lets it."""
    with suppress(ConnectionError):
        client.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
    return client


@pytest.mark.parametrize(
    "sent", [b"", b"GET /metr", b"GET /metrics HTTP/1.0\r\n\r\n", b"\0\r\n\r\n"]
)
def test_client_that_resets_its_connection_writes_nothing_to_the_screen(
    sent: bytes, capfd: pytest.CaptureFixture[str]
):
    with exposed() as connect:
        for _ in range(3):
            with connect() as client:
                client.sendall(sent)
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        assert said(ask(connect())).startswith(b"HTTP/1.0 200 ")
    assert capfd.readouterr().err == ""


def test_fault_of_ours_costs_one_scrape_and_is_logged(logged: Lines):
    def broken(_: None) -> float:
        raise ZeroDivisionError

    with exposed(gauge("callrouter_broken", "It is broken.", broken)) as connect:
        answer = said(ask(connect()))
    assert answer.startswith(b"HTTP/1.0 500 ")
    (line,) = logged()
    assert (line["event"], line["level"]) == ("internal error in the metrics", "error")

import socket
import urllib.request

import pytest
from support.observed import answered, refused, sources

from callrouter.observe import metrics as counting
from callrouter.observe.gateway_metrics import GatewayFigures
from callrouter.observe.metrics import Histogram, Metrics, MetricsError, MetricsServer, Sources


def samples(metrics: Metrics) -> dict[tuple[str, ...], float]:
    """(name, label values...) to value."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in metrics.collect()
        for sample in family.samples
    }


def test_calls_and_legs_are_counted_by_their_labels():
    metrics = Metrics(sources())
    for record in (answered("a"), answered("b"), refused("c")):
        metrics.call_ended(record)
    found = samples(metrics)
    assert found["callrouter_calls_total", "ANSWERED", "4000"] == 2
    assert found["callrouter_calls_total", "REJECTED", ""] == 1
    assert found["callrouter_legs_total", "first", "200"] == 2


def test_times_of_an_answered_call_are_in_their_histograms_in_seconds():
    metrics = Metrics(sources())
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
    family = histogram.family("x", "x")
    assert [s.value for s in family.samples if s.name == "x_bucket"] == [2, 4, 6]
    assert [s.labels["le"] for s in family.samples if s.name == "x_bucket"] == [
        "0.01",
        "0.02",
        "+Inf",
    ]


def test_numbers_and_targets_past_the_limit_are_counted_as_other(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(counting, "_LABELS_KEPT", 2)
    metrics = Metrics(sources())
    for name in ("1", "2", "3", "4", "1"):
        record = answered()
        record.number = record.legs[0].target = name
        metrics.call_ended(record)
    found = samples(metrics)
    assert found["callrouter_calls_total", "ANSWERED", "1"] == 2
    assert found["callrouter_calls_total", "ANSWERED", "other"] == 2
    assert found["callrouter_legs_total", "other", "200"] == 2
    assert ("callrouter_calls_total", "ANSWERED", "3") not in found


def test_every_source_is_read_at_the_scrape():
    names = set(Sources.__slots__) - {"gateways", "unanswered"}
    values = {name: float(at) for at, name in enumerate(sorted(names), 1)}
    found = set(samples(Metrics(sources(**values))).values())
    assert set(values.values()) <= found


def test_unanswered_questions_are_counted_by_port():
    read = sources()
    read.unanswered = lambda: {"lines": 3, "presence": 0}
    name = "callrouter_shared_state_unanswered_total"
    found = [
        (sample.labels["port"], sample.value)
        for family in Metrics(read).collect()
        for sample in family.samples
        if sample.name == name
    ]
    assert found == [("lines", 3), ("presence", 0)]


def test_gateways_have_their_state_their_probes_and_their_legs():
    figures = [GatewayFigures("a", True, 5, 1), GatewayFigures("b", False, 0, 3)]
    read = sources()
    read.gateways = lambda: figures
    metrics = Metrics(read)
    record = answered()
    record.legs[0].gateway = "a"
    metrics.call_ended(record)
    found = {
        (sample.name, *sample.labels.values()): sample.value
        for family in metrics.collect()
        for sample in family.samples
        if sample.name.startswith("callrouter_gateway_") and not sample.name.endswith("_created")
    }
    assert found == {
        ("callrouter_gateway_up", "a"): 1.0,
        ("callrouter_gateway_up", "b"): 0.0,
        ("callrouter_gateway_probes_total", "a", "answered"): 5,
        ("callrouter_gateway_probes_total", "a", "unanswered"): 1,
        ("callrouter_gateway_probes_total", "b", "answered"): 0,
        ("callrouter_gateway_probes_total", "b", "unanswered"): 3,
        ("callrouter_gateway_legs_total", "a", "200"): 1,
    }


def test_scrape_over_http_then_the_port_is_free_again():
    metrics = Metrics(sources(active_calls=7))
    server = MetricsServer(metrics, "127.0.0.1", 0)
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/metrics") as answer:
        text = answer.read().decode()
    assert "callrouter_active_calls 7.0" in text
    assert "process_cpu_seconds_total" in text
    server.close()
    MetricsServer(metrics, "127.0.0.1", server.port).close()


def test_port_in_use_is_a_clear_error():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(MetricsError, match=f"cannot listen on 127.0.0.1:{port}"):
            MetricsServer(Metrics(sources()), "127.0.0.1", port)

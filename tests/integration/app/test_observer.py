from pathlib import Path

from support.observed import Lines, answered

from callrouter.app.call_observer import Observing
from callrouter.call.services.record import Observer
from callrouter.observe.call_metrics import CallMetrics
from callrouter.observe.log import Log
from callrouter.storage.background_writer import RecordWriter
from callrouter.storage.cdr_query import CdrQuery


def test_a_call_leaves_two_lines_one_count_and_one_row(
    url: str, tmp_path: Path, log: Log, logged: Lines
):
    metrics = CallMetrics()
    writer = RecordWriter(url, tmp_path / "spool")
    writer.start()
    observer: Observer = Observing(log, metrics, writer)
    record = answered("42")
    observer.call_started(record)
    observer.call_ended(record)
    writer.close()
    started, ended = logged()
    assert started.pop("time")
    assert started == {
        "level": "info",
        "event": "call started",
        "call": "42",
        "trunk": "lab",
        "source": "127.0.0.1:5062",
        "caller": "+8675612345",
        "called": "4000",
        "number": "4000",
    }
    assert (ended["call"], ended["disposition"], ended["ms"]) == ("42", "ANSWERED", 61_500)
    assert metrics.calls == {("ANSWERED", "4000"): 1}
    with CdrQuery(url) as rows:
        assert rows.one("42") is not None

import asyncio
import os
from pathlib import Path

from support.observed import Lines, answered

from callrouter.app.call_observer import FeatureLog, observe
from callrouter.call.services.call_events import CallEvents, CallKept, FeatureSwitched
from callrouter.call.services.record import KeptRecord
from callrouter.observe.call_metrics import CallMetrics
from callrouter.observe.log import Log, render_json
from callrouter.storage.background_writer import RecordWriter
from callrouter.storage.cdr_query import CdrQuery


def test_a_call_leaves_two_lines_one_count_and_one_row(
    url: str, tmp_path: Path, log: Log, logged: Lines
):
    metrics = CallMetrics()
    writer = RecordWriter(url, tmp_path / "spool")
    writer.start()
    bugs: list[Exception] = []
    events = CallEvents(bugs.append)
    observe(events, log, metrics, writer)
    record = answered("42")
    events.started.tell(record)
    events.answered.tell(record)
    events.ended.tell(record)
    writer.close()
    assert bugs == []
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


def test_lines_of_calls_are_not_even_begun_when_the_level_leaves_them_out(url: str, tmp_path: Path):
    null = os.open(os.devnull, os.O_WRONLY)
    heard = {}
    for level in ("info", "warning"):
        events = CallEvents(lambda error: None)
        log = Log(render_json, level, null)
        observe(events, log, CallMetrics(), RecordWriter(url, tmp_path / "spool"))
        log.close()
        heard[level] = (len(events.started.subscribers), len(events.ended.subscribers))
    os.close(null)
    assert heard == {"info": (1, 3), "warning": (0, 2)}


def test_what_was_not_kept_whole_is_counted_and_logged_as_it_happens(
    url: str, tmp_path: Path, log: Log, logged: Lines
):
    metrics = CallMetrics()
    events = CallEvents(lambda error: None)
    observe(events, log, metrics, RecordWriter(url, tmp_path / "spool"))
    record = answered("42")
    for result in ("complete", "short", "broken"):
        events.message.tell(
            CallKept(record, KeptRecord(id="m", of="box", ms=900, result=result), 1000)
        )
    events.recorded.tell(CallKept(record, KeptRecord(id="", of="4000", ms=0, result="full"), 2000))
    assert metrics.messages == {"complete": 1, "short": 1, "broken": 1}
    assert metrics.recordings == {"full": 1}
    assert [(line["level"], line["event"], line["of"], line["result"]) for line in logged()] == [
        ("info", "message not kept whole", "box", "short"),
        ("warning", "message not kept whole", "box", "broken"),
        ("warning", "recording not kept whole", "4000", "full"),
    ]


async def test_feature_code_is_logged_with_whether_a_restart_undoes_it(log: Log, logged: Lines):
    kept, all_known = [True, False], asyncio.Event()

    async def is_kept() -> bool:
        if len(kept) == 1:
            asyncio.get_running_loop().call_soon(all_known.set)
        return kept.pop(0)

    events = CallEvents(lambda error: None)
    events.switched.subscribe(FeatureLog(log, is_kept).switched)
    for to in ("closed", "usual"):
        events.switched.tell(FeatureSwitched(answered("42"), "schedule office", to, 1000))
    await all_known.wait()
    lines = [(line["level"], line["event"], line["what"], line["to"]) for line in logged()]
    assert lines == [
        ("info", "feature code carried out", "schedule office", "closed"),
        (
            "warning",
            "feature code carried out, but not kept on disk: a restart undoes it",
            "schedule office",
            "usual",
        ),
    ]

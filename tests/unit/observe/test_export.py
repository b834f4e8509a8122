import csv
import io
import json
from datetime import UTC, datetime

import pytest
from support.observed import answered, refused

from callrouter.call.services.record import KeptRecord, QueueRecord
from callrouter.observe.cdr.rows import COLUMNS, encode, row_to_dict
from callrouter.observe.cdr_export import call_detail, calls_table, write_csv, write_json

CALLS = [row_to_dict(encode(record)) for record in (refused("b"), answered("a"))]


@pytest.fixture(autouse=True)
def no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests may have said how wide theirs is."""
    monkeypatch.delenv("COLUMNS", raising=False)


def in_utc(seconds: float, precision: str) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(" ", precision)


def test_json_is_one_array_of_the_calls():
    for calls in ([], CALLS[:1], CALLS):
        out = io.StringIO()
        write_json(calls, out)
        assert json.loads(out.getvalue()) == calls


def test_csv_has_every_column_and_legs_as_json():
    out = io.StringIO()
    write_csv(CALLS, out)
    rows = list(csv.DictReader(out.getvalue().splitlines()))
    assert tuple(rows[0]) == COLUMNS
    assert rows[1]["caller"] == "+8675612345"
    assert json.loads(rows[1]["legs"])[0]["result"] == "answered"
    assert rows[0]["answered_ms"] == ""


def test_csv_cell_from_a_peer_is_no_formula():
    call = CALLS[0] | {"caller": '=HYPERLINK("x")', "called": "+1+cmd", "to_header": "@x"}
    out = io.StringIO()
    write_csv([call], out)
    [row] = csv.DictReader(out.getvalue().splitlines())
    assert row["caller"] == '\'=HYPERLINK("x")'
    assert (row["called"], row["to_header"]) == ("'+1+cmd", "'@x")


def test_table_shows_one_line_for_each_call():
    lines = calls_table(CALLS, in_utc).splitlines()
    assert len(lines) == 3
    assert "REJECTED" in lines[1]
    assert "404" in lines[1]
    for word in ("ANSWERED", "+8675612345", "60.0s", "first 200"):
        assert word in lines[2]


def test_table_names_the_queues_that_a_call_waited_in():
    record = answered("a")
    record.legs = []
    record.queues = (QueueRecord(queue="support", joined_ms=100),)
    record.queues[0].outcome, record.queues[0].left_ms = "abandoned", 25_000
    assert "queue support abandoned" in calls_table([row_to_dict(encode(record))], in_utc)


def test_detail_shows_facts_legs_and_verdicts_with_their_lines():
    text = call_detail(CALLS[1], in_utc)
    for word in (
        "a@peer",
        "sip:4000@127.0.0.1:5080",
        "1490",
        "number 4000",
        "lab.yaml:17",
        "60.0s",
    ):
        assert word in text


def test_a_peers_escapes_and_markup_stay_text():
    call = CALLS[1] | {"caller": "\x1b[2J[red]x[/red][/]\n"}
    assert "\\u001b[2J[red]x[/red][/]\\u000a" in call_detail(call, in_utc)
    for text in (calls_table([call], in_utc), call_detail(call, in_utc)):
        assert "\\u001b[2J[red]x[/red][/" in text
        assert "\x1b[2J" not in text


def test_what_a_call_left_in_the_archive_is_shown():
    record = answered()
    record.voicemail = (KeptRecord(id="c-1", of="sales", ms=2500, result="broken"),)
    assert "sales 2.5s broken c-1" in call_detail(row_to_dict(encode(record)), in_utc)


def test_what_was_heard_and_pressed_is_shown():
    record = answered()
    record.heard = [(0, "played", "welcome"), (1200, "key", "2"), (61000, "survey", "5")]
    lines = call_detail(row_to_dict(encode(record)), in_utc).splitlines()
    at = lines.index("Heard and pressed (ms from the start)")
    assert [line.split() for line in lines[at + 2 : at + 5]] == [
        *(["0", "played", "welcome"], ["1200", "key", "2"], ["61000", "survey", "5"])
    ]


@pytest.mark.parametrize("width", [80, 100, 132])
def test_list_and_detail_fit_the_terminal_whoever_called(
    width: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("COLUMNS", str(width))
    long = CALLS[1] | {
        "id": "1a203f8aaa0-32be8f2e",
        "caller": "9" * 3000,
        "called": "+442079460123",
        "reason": "no_target_left",
    }
    listed = calls_table([*CALLS, long], in_utc).splitlines()
    assert max(map(len, listed)) <= width
    assert "1a203f8aaa0-32be8f2e" in listed[-1]
    assert "reason" in listed[0]
    assert len(listed) == 4 or width > 100
    detail = call_detail(long, in_utc).splitlines()
    assert max(map(len, detail)) <= width
    assert len(detail) < 60


def test_lines_of_a_pipe_are_as_long_as_they_are(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    (_, row) = calls_table([CALLS[1] | {"reason": "x", "called": "1" * 24}], in_utc).splitlines()
    assert "1" * 24 in row
    assert "first 200" in row

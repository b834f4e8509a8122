"""`callrouter calls --follow`: how each event is shown to people."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from callrouter.commands import asking
from callrouter.commands.calls import calls
from callrouter.operations.call_feed import EventCall, EventFile, EventLeg, FollowedEvent

CALL = EventCall(
    id="id1",
    trunk="lab",
    caller="+86\x1b[2J",
    called="4000",
    number="4000",
    dialplan="3f2a",
    since=1_700_000_000.0,
    state="answered",
    talking=["desk", "other"],
    disposition="BUSY",
    status=486,
    reason="no_target_left",
    hung_up_by="callrouter",
)
LEG = EventLeg(target="desk", state="ended", status=486, cause=17, gateway="gw")
FILE = EventFile(id="m1", of="box", ms=1500, result="complete")


@pytest.fixture(autouse=True)
def _settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    text = "listen: ['udp:127.0.0.1:5060']\ndialplan: d.yaml\n"
    Path("callrouter.yaml").write_text(text, encoding="utf-8")


def run(*options: str) -> Result:
    return CliRunner().invoke(calls, ["--config", "callrouter.yaml", *options])


@pytest.mark.parametrize(
    ("event", "shown"),
    [
        (
            FollowedEvent(event="started", call=CALL, seconds=0.0),
            "started     +86\\u001b[2J -> 4000",
        ),
        (
            FollowedEvent(event="leg", call=CALL, seconds=1.0, leg=LEG),
            "leg         desk ended 486 by gw",
        ),
        (FollowedEvent(event="answered", call=CALL, seconds=1.0), "answered"),
        (
            FollowedEvent(event="held", call=CALL, seconds=1.0, by="caller", on=True),
            "held        by caller",
        ),
        (
            FollowedEvent(event="held", call=CALL, seconds=1.0, by="caller", on=False),
            "held        no more by caller",
        ),
        (FollowedEvent(event="moved", call=CALL, seconds=1.0), "moved       with desk other"),
        (
            FollowedEvent(event="transferred", call=CALL, seconds=1.0, by="callee"),
            "transferred by callee to desk other",
        ),
        (
            FollowedEvent(event="message", call=CALL, seconds=1.0, file=FILE),
            "message     box complete 1.5s",
        ),
        (
            FollowedEvent(
                event="switched", call=CALL, seconds=1.0, what="schedule office", to="open"
            ),
            "switched    schedule office open",
        ),
        (
            FollowedEvent(event="ended", call=CALL, seconds=1.0),
            "ended       BUSY 486 no_target_left by callrouter",
        ),
        (
            FollowedEvent(event="ringing", call=CALL, seconds=1.0, lost=7),
            "ringing",
        ),
    ],
)
def test_event_is_one_line_and_what_was_lost_another(
    monkeypatch: pytest.MonkeyPatch, event: FollowedEvent, shown: str
) -> None:
    monkeypatch.setattr(asking, "follow", lambda *_: iter([event]))
    ended = run("--follow")
    assert (ended.exit_code, ended.stderr) == (0, "the server has stopped\n")
    *before, line = ended.stdout.splitlines()
    assert before == (["7 events were not read in time"] if event.lost else [])
    assert line.endswith(f" id1  {shown}")


def test_number_of_calls_is_none_of_events() -> None:
    ended = run("--follow", "--last", "5")
    assert ended.exit_code == 2
    assert "--last is of the calls in progress" in ended.output

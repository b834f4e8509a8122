"""`callrouter webhooks`: what people are shown."""

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from callrouter.cli import main
from callrouter.commands import asking
from callrouter.operations.operation import SentEvent
from callrouter.operations.webhooks import AttemptList, WebhookAttempt, WebhookList, WebhookStatus

SETTINGS = 'listen: ["udp:192.0.2.1"]\ndialplan: plan.yaml\n'


def shown(tmp_path: Path, *words: str) -> str:
    config = tmp_path / "callrouter.yaml"
    config.write_text(SETTINGS)
    ended = CliRunner().invoke(main, ["webhooks", *words, "--config", str(config)])
    assert ended.exit_code == 0, ended.output
    return " ".join(ended.output.split())


def test_disabled_endpoint_is_shown_with_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    one: dict[str, Any] = {"name": "crm", "url": "https://a/", "events": [], "numbers": []}
    status = WebhookStatus(
        **one, disabled="gone", waiting=3, since=0, failed=1, tried=0, status=410, error=""
    )
    monkeypatch.setattr(asking, "ask", lambda *_: WebhookList(webhooks=[status]))
    assert "crm https://a/ disabled 3 1 never gone" in shown(tmp_path)


def test_attempt_that_waits_says_when_it_is_tried_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    attempt = WebhookAttempt(
        event="c1-ended",
        kind="call.ended",
        subject="c1",
        seq=4,
        number="4000",
        at=1.7e9,
        endpoint="crm",
        state="waiting",
        tries=2,
        due=1.7e9 + 300,
        status=500,
        error="it answered 500",
    )
    monkeypatch.setattr(asking, "ask", lambda *_: AttemptList(attempts=[attempt]))
    said = shown(tmp_path, "attempts", "--call", "c1")
    assert "crm waiting 2 2023-11-14" in said
    assert "500 it answered" in said


def test_followed_event_is_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    call = {"id": "c1", "caller": "021\x1b[1m", "called": "4000"}
    data = {"timestamp": "2026-03-01T12:00:00.250Z", "data": {"call": call}}
    event = SentEvent(id="7", event="call.started", data=data)
    monkeypatch.setattr(asking, "follow", lambda *_: iter([event]))
    line = "7 2026-03-01T12:00:00.250Z call.started c1 021\\u001b[1m -> 4000"
    assert line in shown(tmp_path, "follow")

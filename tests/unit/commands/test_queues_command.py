"""`callrouter queues` and `callrouter agents`: what they print."""

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from callrouter.commands import asking
from callrouter.commands.queues import agents, queues
from callrouter.operations.operation import OperationAnswer
from callrouter.operations.queues import (
    AgentHistory,
    AgentList,
    AgentStatus,
    HistoryRow,
    QueuedCaller,
    QueueList,
    QueueStatus,
)

QUEUE = QueueStatus(
    name="support",
    strategy="longest_idle",
    waiting=1,
    longest=12.4,
    agents={"talking": 1, "wrap_up": 1},
    offered=6,
    answered=3,
    abandoned=1,
    overflowed=1,
    answer_wait=8.2,
    service_level={"without_short_abandons": 66.667, "of_answered": 75.0},
    callers=[QueuedCaller(call="id1", position=1, priority=0, waits=12.4, rings=["302"])],
)
AGENT = AgentStatus(
    extension="301",
    queues=["support", "sales"],
    state="wrap_up",
    why="",
    call="",
    ready_in=7.0,
    idle=3.0,
    missed=0,
)
ROW = HistoryRow(
    at=1_700_000_000.0, kind="picked_up", queue="support", call="id1", why="", waited=4.0
)


def run(
    monkeypatch: pytest.MonkeyPatch,
    folder: Path,
    command: click.Command,
    answer: OperationAnswer,
    *words: str,
) -> list[list[str]]:
    """The words of each line that a command prints for an answer."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "160")
    settings = folder / "callrouter.yaml"
    settings.write_text("listen: ['udp:127.0.0.1:5060']\ndialplan: d.yaml\n", encoding="utf-8")
    monkeypatch.setattr(asking, "ask", lambda *_: answer)
    done = CliRunner().invoke(command, [*words, "--config", str(settings)])
    assert done.exit_code == 0, done.output
    return [line.split() for line in done.output.splitlines() if line]


def test_queues_are_shown_with_who_waits(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    lines = run(monkeypatch, tmp_path, queues, QueueList(queues=[QUEUE]))
    shown = ["support", "1", "12s", "1", "talking,", "1", "wrap", "up"]
    assert lines[1] == [*shown, "6", "3", "1", "1", "8s", "66.7", "%"]
    assert lines[3] == ["support", "1", "id1", "12s", "0", "302"]


def test_queue_that_nobody_called_has_no_figures(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    idle = QUEUE.model_copy(
        update={"callers": [], "answer_wait": None, "service_level": {"of_answered": None}}
    )
    lines = run(monkeypatch, tmp_path, queues, QueueList(queues=[idle]))
    assert lines[1][-2:] == ["-", "-"]
    assert len(lines) == 2


def test_agents_are_shown_with_what_they_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lines = run(monkeypatch, tmp_path, agents, AgentList(agents=[AGENT]))
    assert lines[1] == ["301", "support,", "sales", "wrap", "up", "7s", "3s", "0"]
    away = AGENT.model_copy(update={"state": "away", "why": "lunch", "ready_in": 0.2})
    lines = run(monkeypatch, tmp_path, agents, AgentList(agents=[away]))
    assert lines[1] == ["301", "support,", "sales", "away", "lunch", "3s", "0"]


def test_history_is_shown_row_by_row(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    answer = AgentHistory(history=[ROW])
    lines = run(monkeypatch, tmp_path, agents, answer, "history", "301")
    assert lines[1][-5:] == ["picked", "up", "support", "id1", "4s"]

"""Deliveries when the system's clock was put back."""

from pathlib import Path

from support.archives import url_in

from callrouter.archive import message_rows as messages
from callrouter.storage.cdr_table import open_for_writing

NOW = 1_800_000_000.0
HOUR = 3600.0


def test_what_is_due_later_than_the_longest_pause_is_due_now(tmp_path: Path) -> None:
    engine = open_for_writing(url_in(tmp_path))
    for name in ("soon", "late"):
        row = {"id": name, "box": "b", "call": "c", "caller": "", "started": NOW, "ms": 1}
        row |= {"bytes": 1, "file": f"{name}.wav", "complete": True, "state": "new", "expires": NOW}
        assert messages.add(engine, row, ("mail",), NOW, NOW + 3 * 24 * HOUR)
    messages.tried(engine, "soon", "mail", {"tries": 1, "due": NOW + HOUR})
    messages.tried(engine, "late", "mail", {"tries": 1, "due": NOW + 24 * HOUR})
    assert messages.due(engine, NOW, 10) == []
    messages.hasten(engine, NOW + HOUR, NOW)
    assert [due.message["id"] for due in messages.due(engine, NOW, 10)] == ["late"]
    engine.dispose()

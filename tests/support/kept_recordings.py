"""A call that was recorded, as it lies on disk when it is over."""

from pathlib import Path
from typing import Any, Final

from callrouter.archive import recording_rows
from callrouter.archive.file_store import FileStore
from callrouter.observe.cdr.rows import COLUMNS
from callrouter.storage.cdr_table import Store, open_for_writing
from support.archives import audio

_NONE: Final = ("ringing_ms", "answered_ms", "billed_seconds", "cost", "rate_plan", "currency")
_LISTS: Final = ("legs", "trace", "voicemail", "recordings", "heard", "queues", "charges")


def call_row(id: str, started: float, **values: Any) -> tuple[Any, ...]:
    """A row of the table of calls: an answered one, but for the values that are named."""
    made: dict[str, Any] = {**dict.fromkeys(COLUMNS, ""), **dict.fromkeys(_NONE)}
    made |= dict.fromkeys(_LISTS, "[]")
    made |= {"id": id, "started": started, "ended_ms": 1000, "status": 200, "cause": 16}
    made |= {"caller": "+8613800138000", "called": "4000", "number": "4000"}
    made |= {"disposition": "ANSWERED"} | values
    return tuple(made[name] for name in COLUMNS)


def recorded_call(database: Path, folder: Path, started: float, ms: int = 2000) -> tuple[str, str]:
    """Put a call and its recording there; returns the ids of both."""
    call = "1a20000-0001"
    kept_id = f"{call}-1"
    url, name = f"sqlite:///{database}", f"4000~8613800138000~{kept_id}.wav"
    kept = FileStore(folder)
    kept.open()
    file = kept.kept(name)
    file.write_bytes(audio(ms))
    engine = open_for_writing(url)
    values = {"id": kept_id, "number": "4000", "call": call, "caller": "+8613800138000"}
    values |= {"started": started, "ms": ms, "bytes": file.stat().st_size, "file": name}
    values |= {"sides": "mixed", "complete": True, "expires": started + 86400}
    recording_rows.add(engine, values, "2026-11")
    engine.dispose()
    store = Store(url)
    said = f'[{{"id":"{kept_id}","of":"4000","ms":{ms},"result":"complete"}}]'
    store.insert([call_row(call, started, recordings=said)])
    store.close()
    return call, kept_id

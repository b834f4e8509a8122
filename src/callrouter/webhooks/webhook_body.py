"""The body of an event, as webhooks and the stream have it: the same text each time it is told."""

from datetime import UTC, datetime
from typing import Final

import orjson

from callrouter.webhooks.delivery_rows import DueEvent

_MS: Final = "milliseconds"


def body_of(event: DueEvent) -> str:
    """Write an event as Standard Webhooks has it: type, timestamp, data; and its `seq` beside."""
    at = datetime.fromtimestamp(event.at, UTC).isoformat(timespec=_MS).replace("+00:00", "Z")
    head = orjson.dumps({"type": event.kind, "timestamp": at, "seq": event.seq}).decode()
    return f'{head[:-1]},"data":{event.data}}}'

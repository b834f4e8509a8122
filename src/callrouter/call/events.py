"""What the world is told of calls. Observers only ever read; nothing they do may hold a call up."""

from typing import Protocol

from callrouter.call.record import CallRecord


class Observer(Protocol):
    """Gets each call twice. Called on the path of the call: must not block and must not raise."""

    def call_started(self, record: CallRecord) -> None:
        """A call was admitted and its route decided; the record is still being filled."""

    def call_ended(self, record: CallRecord) -> None:
        """The call is over; the record is complete and is not touched again."""

"""The calls in progress as an observer sees them: their records, in the order they came."""

from collections.abc import Callable, Iterator

from callrouter.call.services.record import CallRecord, Observer


class ActiveCalls:
    """Observer that remembers who is still in a call, and passes everything on to another one.

    An `Observer`. clock: that of the stack, by which calls begin.
    """

    __slots__ = ("_clock", "_next", "_records")

    def __init__(self, observer: Observer, clock: Callable[[], float]) -> None:
        self._next = observer
        self._clock = clock
        self._records: dict[str, CallRecord] = {}

    def __len__(self) -> int:
        return len(self._records)

    def __contains__(self, call: str) -> bool:
        """Say whether the call of this id is in progress."""
        return call in self._records

    def newest(self) -> Iterator[CallRecord]:
        """All records of calls in progress, the newest first. They go on changing."""
        return reversed(self._records.values())

    def age(self, record: CallRecord) -> float:
        """How long a call in progress has been, in seconds."""
        return self._clock() - record.began

    def call_started(self, record: CallRecord) -> None:
        """Another one."""
        self._records[record.id] = record
        self._next.call_started(record)

    def call_up(self, record: CallRecord) -> None:
        """Its parties are reported, too."""
        self._next.call_up(record)

    def call_ended(self, record: CallRecord) -> None:
        """One less."""
        self._records.pop(record.id, None)
        self._next.call_ended(record)

    def call_broken(self, record: CallRecord, error: Exception) -> None:
        """Its end is reported, too."""
        self._next.call_broken(record, error)

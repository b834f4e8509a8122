"""Bindings of the telephones of each extension: their contacts, until these expire.

Theory. Calls and REGISTERs know the port; `Bindings` is its implementation in memory: one dict for
each extension. Each change is told to a journal; `restore` is the way back. What a connection
reached does not outlive it: such a binding is kept, and not rung, until the telephone registers
again.

Rule. A binding that is registered again stays the same object, and one that is removed says so
itself: a call that is about to ring it sees either.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Final, NamedTuple, Protocol

from callrouter.metric import Rows, gauge
from callrouter.pending import Later
from callrouter.sip.flow import Flow

MOST_EACH: Final = 10
"""Bindings of one extension."""
MOST: Final = 20_000
"""Bindings of all together."""
_WITHOUT_DOMAIN: Final = 8
"""Values of a binding in the journals of versions that did not keep its domain."""

Journal = Callable[[str, tuple[str, ...], tuple[object, ...] | None], None]


@dataclass(slots=True, kw_only=True)
class Binding:
    """One contact of one telephone.

    uri: what calls ask for. key: what tells it from the others of its extension: its instance and
    reg-id (RFC 5626), else its URI. expires: steady time, as all times here. call_id, cseq: of the
    last REGISTER. path: the routes to it, first hop first (RFC 3327). place: transport, our host
    and port, its host and port, of the flow it registered by. flow: that flow, None when it is
    gone. pinned: reached by that flow alone, whatever its URI says. domain: the host, with the port
    if it had one, by which the telephone knows us; "" when an earlier version did not note it.
    """

    key: str
    uri: str
    expires: float
    call_id: str
    cseq: int
    place: tuple[str, str, int, str, int]
    path: tuple[str, ...] = ()
    pinned: bool = True
    agent: str = ""
    domain: str = ""
    flow: Flow | None = None

    @property
    def reachable(self) -> bool:
        """There is a way to it."""
        return self.flow is not None and self.flow.open

    def renew(self, by: "Binding") -> None:
        """Be as another one of the same key says."""
        for field in fields(self):
            setattr(self, field.name, getattr(by, field.name))


Change = tuple[str, Binding | None]
"""A binding's key, and what it is to be; None to remove it."""


class Changed(NamedTuple):
    """The bindings of an extension after changes. done: False when they would be too many."""

    done: bool
    bindings: tuple[Binding, ...]


class Registrations(Protocol):
    """Where telephones are registered. All times are steady ones."""

    def of(self, extension: str, now: float) -> Later[tuple[Binding, ...]]:
        """The bindings of an extension, the newest last."""

    def change(self, extension: str, changes: Sequence[Change], now: float) -> Later[Changed]:
        """Make all changes, in order, or none."""

    def all(self, now: float) -> Later[Sequence[tuple[str, Binding]]]:
        """Every extension with each of its bindings."""


class Bindings:
    """The bindings of all extensions, in memory. count: how many there are.

    changed: told at which extension a telephone has come, or gone. Implements `Registrations`.
    """

    __slots__ = ("_extensions", "_journal", "changed", "count")

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._extensions: dict[str, dict[str, Binding]] = {}
        self.count = 0
        self.changed: Callable[[str], None] = _nobody

    def of(self, extension: str, now: float) -> tuple[Binding, ...]:
        """The bindings of an extension that hold, the newest last."""
        known = self._extensions.get(extension)
        return () if known is None else tuple(it for it in known.values() if it.expires > now)

    def change(self, extension: str, changes: Sequence[Change], now: float) -> Changed:
        """Make all changes, in order, or none."""
        self.expire(now)
        known = self._extensions.get(extension, {})
        added = len({key for key, binding in changes if binding is not None} - known.keys())
        if added and (len(known) + added > MOST_EACH or self.count + added > MOST):
            return Changed(False, self.of(extension, now))
        for key, binding in changes:
            if binding is None:
                self.remove(extension, key)
            else:
                self.bind(extension, binding)
        return Changed(True, self.of(extension, now))

    def all(self, now: float) -> list[tuple[str, Binding]]:
        """Every extension with each of its bindings that hold."""
        return [(extension, it) for extension, it in self._all() if it.expires > now]

    def bind(self, extension: str, binding: Binding) -> None:
        """Add a binding, or renew the one with its key."""
        bindings = self._extensions.setdefault(extension, {})
        known = bindings.pop(binding.key, None)
        if known is None:
            self.count += 1
            known = binding
        else:
            known.renew(binding)
        bindings[binding.key] = known
        value = (
            binding.uri,
            binding.expires,
            binding.call_id,
            binding.cseq,
            list(binding.place),
            list(binding.path),
            binding.pinned,
            binding.agent,
            binding.domain,
        )
        self._journal("binding", (extension, binding.key), value)
        self.changed(extension)

    def remove(self, extension: str, key: str) -> None:
        """Forget a binding."""
        bindings = self._extensions.get(extension)
        known = None if bindings is None else bindings.pop(key, None)
        if bindings is None or known is None:
            return
        known.expires = 0.0
        self.count -= 1
        if not bindings:
            del self._extensions[extension]
        self.changed(extension)
        self._journal("binding", (extension, key), None)

    def expire(self, now: float) -> None:
        """Forget what has expired by a steady time; calls do not depend on it."""
        over = [(name, it.key) for name, it in self._all() if it.expires <= now]
        for extension, key in over:
            self.remove(extension, key)

    def restore(self, key: tuple[str, ...], value: tuple[object, ...]) -> None:
        """Take over what an earlier process told its journal; its flow is not known any more.

        Raises ValueError for what no journal of ours was told.
        """
        if len(value) == _WITHOUT_DOMAIN:
            value = (*value, "")
        match key, value:
            case (
                (extension, name),
                (
                    str(uri),
                    float() | int() as expires,
                    str(call_id),
                    int(cseq),
                    [str(transport), str(host), int(port), str(far), int(far_port)],
                    list(path),
                    bool(pinned),
                    str(agent),
                    str(domain),
                ),
            ):
                place = (transport, host, port, far, far_port)
                routes = tuple(str(route) for route in path)
                self._extensions.setdefault(extension, {})[name] = Binding(
                    key=name,
                    uri=uri,
                    expires=float(expires),
                    call_id=call_id,
                    cseq=cseq,
                    place=place,
                    path=routes,
                    pinned=pinned,
                    agent=agent,
                    domain=domain,
                )
                self.count += 1
            case _:
                raise ValueError(f"no such binding: {key} {value}")

    def rejoin(self, find: Callable[[tuple[str, str, int, str, int]], Flow | None]) -> None:
        """Find the flows of restored bindings again. find: by their places."""
        for _, binding in self._all():
            if binding.flow is None:
                binding.flow = find(binding.place)

    def _all(self) -> Iterator[tuple[str, Binding]]:
        for extension, bindings in self._extensions.items():
            for binding in bindings.values():
                yield extension, binding


def _nobody(_extension: str) -> None:
    """Nobody wants to know."""


METRICS: Final[Rows[Bindings]] = (
    gauge(
        "callrouter_bindings",
        "This many contacts of registered telephones hold now; a sudden fall says that "
        "telephones do not reach us.",
        lambda it: it.count,
    ),
)

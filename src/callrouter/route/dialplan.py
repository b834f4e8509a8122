"""A compiled dialplan: what `decide()` looks things up in. Built once, then only read."""

from collections.abc import Mapping
from typing import Final

from callrouter.route.index import NumberIndex
from callrouter.route.plan import Plan, Refusal, Verdict
from callrouter.route.rules import Extension, Number, Trunk
from callrouter.route.schedule import Schedule
from callrouter.route.sources import Network, SourceIndex


class Found:
    """What one called number on one trunk was found to be: the part of a decision that repeats.

    number: None when the dialplan has none for it. way: the verdicts up to the number. plan: that
    of each call while no gateway is down and nobody is blocked, None when calls differ. trace: the
    verdicts up to the plan.
    """

    __slots__ = ("number", "plan", "trace", "way")

    def __init__(self, number: Number | None, way: tuple[Verdict, ...]) -> None:
        self.number = number
        self.way = way
        self.plan: Plan | None = None
        self.trace = way


class Dialplan:
    """Every rule of one version of the dialplan.

    version: 12 hex digits of a hash over the content; the same content has the same version.
    file: where it was read from. trunks: by name. numbers: by key. extensions: by number. unknown:
    the answer to a number it does not have. numbers_line: where the numbers start in the file.
    schedules: by name. files: all that it was read from, its own file first. timezone: that of its
    hours. networks: where its trunks send from. gateways: by name.
    found: kept by `decide()`, bounded; nobody else touches it.
    """

    def __init__(
        self,
        version: str,
        file: str,
        country: str,
        trunks: list[Trunk],
        networks: list[Network],
        numbers: list[Number],
        numbers_line: int,
        extensions: dict[str, Extension],
        unknown: Refusal,
        schedules: Mapping[str, Schedule] | None = None,
        files: tuple[str, ...] = (),
        timezone: str = "UTC",
        gateways: frozenset[str] = frozenset(),
    ) -> None:
        self.version: Final = version
        self.file: Final = file
        self.trunks: Final = {trunk.name: trunk for trunk in trunks}
        self.numbers: Final = {number.key: number for number in numbers}
        self.numbers_line: Final = numbers_line
        self.extensions: Final = extensions
        self.unknown: Final = Plan((), unknown)
        self.schedules: Final[Mapping[str, Schedule]] = {} if schedules is None else schedules
        self.files: Final = files or (file,)
        self.timezone: Final = timezone
        self.networks: Final = tuple(networks)
        self.gateways: Final = gateways
        self.sources: Final = SourceIndex(networks)
        self.index: Final = NumberIndex(numbers, country)
        self.found: Final[dict[tuple[str, str], Found]] = {}

    def trunk_of(self, source: str) -> Trunk | None:
        """Return the trunk that a source IP address belongs to, None for a stranger."""
        origin = self.sources.find(source)
        return None if origin is None else origin.trunk

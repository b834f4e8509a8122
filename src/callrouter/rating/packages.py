"""Packages: time that was paid for beforehand, and is used up before money is.

Rules.

- The units of a package are billed seconds. Blocks take them in the order in which they begin, each
  from the package that expires first of those that have not when the block begins.
- A block that packages cover in part costs money for the rest, at its own price. So a package is
  used up to its last second, and no block is paid for twice.
- The legs of a call take them one after the other, the inbound one first.
- The fee of a call is money. What money is left to pay is rounded once, as without packages.

What a block takes depends only on those before it, so a call that goes on keeps what it took, and
slices of it take together what the whole does.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal

from callrouter.rating.charges import BlockRun, LegCharge, cost_of, total


@dataclass(slots=True, kw_only=True, frozen=True)
class Package:
    """A package of paid time. seconds: left in it. expires: Unix second from which it is void."""

    name: str
    seconds: int
    expires: int

    def __post_init__(self) -> None:
        if self.seconds < 0:
            raise ValueError("a package has 0 seconds or more")


@dataclass(slots=True, kw_only=True, frozen=True)
class PackagedCharge:
    """The charge of a leg when packages were used. charge: its cost is what money has to pay.

    taken: seconds, by the name of the package, in the order of use. left: all packages afterwards.
    """

    charge: LegCharge
    taken: dict[str, int]
    left: tuple[Package, ...]


@dataclass(slots=True, kw_only=True, frozen=True)
class PackagedCall:
    """All legs of a call when packages were used. left: all packages afterwards."""

    legs: tuple[PackagedCharge, ...]
    left: tuple[Package, ...]

    @property
    def money(self) -> Decimal:
        """What money has to pay."""
        return total(leg.charge for leg in self.legs)

    @property
    def taken(self) -> dict[str, int]:
        """Seconds, by the name of the package."""
        taken: Counter[str] = Counter()
        for leg in self.legs:
            taken.update(leg.taken)
        return dict(taken)


def pay_legs(legs: Iterable[LegCharge], packages: Iterable[Package]) -> PackagedCall:
    """Pay for all legs of a call from packages, as far as they go. Their names must differ."""
    left = tuple(packages)
    paid: list[PackagedCharge] = []
    for leg in legs:
        paid.append(use_packages(leg, left))
        left = paid[-1].left
    return PackagedCall(legs=tuple(paid), left=left)


def use_packages(leg: LegCharge, packages: Iterable[Package]) -> PackagedCharge:
    """Pay for a leg from packages, as far as they go. Their names must differ."""
    left = sorted(packages, key=lambda package: (package.expires, package.name))
    taken: dict[str, int] = {}
    paid = []
    for run in leg.blocks:
        covered = 0
        for place, package in enumerate(left):
            seconds = min(package.seconds, _reach(run, package.expires) - covered)
            if seconds > 0:
                covered += seconds
                taken[package.name] = taken.get(package.name, 0) + seconds
                left[place] = replace(package, seconds=package.seconds - seconds)
        paid.append((run.price, run.count * run.seconds - covered))
    cost = cost_of(_decimals(leg.cost), leg.fee, paid)
    return PackagedCharge(charge=replace(leg, cost=cost), taken=taken, left=tuple(left))


def _decimals(cost: Decimal) -> int:
    """Those that a cost was rounded to."""
    return -int(cost.as_tuple().exponent)


def _reach(run: BlockRun, expires: int) -> int:
    """The seconds of a run's blocks that begin before a package expires."""
    blocks = -(-(expires - run.start) // run.seconds)
    return max(0, min(blocks, run.count)) * run.seconds

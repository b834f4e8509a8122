"""The decision of `decide()`: a plan, and what has to be known from outside before it is final.

Theory. Rules ask nobody; they only say what is needed. Whoever asked for the decision finds that
out and asks again with the answers in the facts, until nothing more is needed. The plan of a
decision with needs is the one for the case that a look-up names nobody and that lines are granted.

Rules. Each need says how long its answer may take. What an answer changes begins behind its
`passed`: the verdicts that stand whatever comes of it.
"""

from typing import Final

from mypy_extensions import mypyc_attr

from callrouter.route.values.external_lookup import Lookup
from callrouter.route.values.plan import AutoBlock, Hold, Plan, Verdict
from callrouter.serializable import Serializable

INBOUND: Final = "inbound"
INTERNAL: Final = "internal"
OUTBOUND: Final = "outbound"
"""The directions of calls: from a trunk, from an extension to the dialplan, from one to outside."""

_CREDIT_SECONDS: Final = 1.0
"""A database answers in milliseconds, or is away."""
_LINES_SECONDS: Final = 0.2
"""Nobody waits longer for a line to be granted: the caller hears nothing meanwhile."""


class NeedLines:
    """The need of one line of each of these, for as long as the call lasts."""

    __slots__ = ("holds", "passed")

    def __init__(self, holds: tuple[Hold, ...], passed: tuple[Verdict, ...]) -> None:
        self.holds = holds
        self.passed = passed

    @property
    def seconds(self) -> float:
        """How long the answer may take."""
        return _LINES_SECONDS


class NeedLookup:
    """The need of a look-up, which has to say who is responsible, or which carrier it is.

    number: to ask with, the caller's or the called one.
    """

    __slots__ = ("lookup", "number", "passed")

    def __init__(self, lookup: Lookup, number: str, passed: tuple[Verdict, ...]) -> None:
        self.lookup = lookup
        self.number = number
        self.passed = passed

    @property
    def seconds(self) -> float:
        """How long the answer may take."""
        return self.lookup.timeout_seconds


class NeedCredit:
    """The need of an account that can pay. account: its name."""

    __slots__ = ("account", "passed")

    def __init__(self, account: str, passed: tuple[Verdict, ...]) -> None:
        self.account = account
        self.passed = passed

    @property
    def seconds(self) -> float:
        """How long the answer may take."""
        return _CREDIT_SECONDS


Need = NeedLines | NeedLookup | NeedCredit


@mypyc_attr(allow_interpreted_subclasses=True)
class Decision(Serializable):
    """The decision on a call: what becomes of it, and why.

    number: the dialplan's key that matched, "" when none did. trace: in the order looked at.
    caller: the caller in E.164 where a rule needed it, "" otherwise. auto_block: the rule by which
    this call counts against its caller, None for none. needs: what has to be asked before the plan
    is final. counts: the call counts against the calls per second of its trunk. direction: INTERNAL
    or OUTBOUND for a telephone's call that no number of the dialplan is for, else "". line: the one
    that it goes out by, "" for none.
    """

    __slots__ = (
        "auto_block",
        "caller",
        "counts",
        "direction",
        "line",
        "needs",
        "number",
        "plan",
        "trace",
    )

    def __init__(
        self,
        number: str,
        plan: Plan,
        trace: tuple[Verdict, ...],
        needs: tuple[Need, ...] = (),
        caller: str = "",
        auto_block: AutoBlock | None = None,
        counts: bool = False,
        direction: str = "",
        line: str = "",
    ) -> None:
        self.number = number
        self.plan = plan
        self.trace = trace
        self.needs = needs
        self.caller = caller
        self.auto_block = auto_block
        self.counts = counts
        self.direction = direction
        self.line = line

    @property
    def lookup(self) -> NeedLookup | None:
        """The look-up that is needed of who is responsible, None for none."""
        for need in self.needs:
            if isinstance(need, NeedLookup) and not need.lookup.of_carrier:
                return need
        return None

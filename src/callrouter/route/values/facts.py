"""The facts of a call, known when its route is decided. All that `decide()` may look at."""

from collections.abc import Iterable, Mapping
from typing import Final

from callrouter.route.values.decision import NeedCredit, NeedLines, NeedLookup
from callrouter.route.values.external_lookup import LookupAnswer
from callrouter.route.values.plan import Verdict

_NO_CARRIERS: Final[Mapping[str, LookupAnswer]] = {}


class Facts:
    """The facts of one incoming call.

    trunk: name of the trunk it came in on. source: IP address of the peer.
    caller: user part of the caller's identity as sent. called: user part of the Request-URI.
    to_user: user part of the `To:` URI. to_ext: its `ext` parameter, "" when it has none.
    at: time of the call, Unix seconds. diversions: how often it was forwarded before it came here.
    extension: the one whose telephone calls, proven by its password; "" for anybody else.
    answer: what came of the look-up that an earlier decision needed, None before. busy: the
    names of what no line could be had of; held: of what this call has a line of already. no_credit:
    why the account that pays cannot, "" when it can. carriers: what came of look-ups of carriers,
    by number. passed: the verdicts of that decision up to there.
    """

    __slots__ = (
        "answer",
        "at",
        "busy",
        "called",
        "caller",
        "carriers",
        "diversions",
        "extension",
        "held",
        "no_credit",
        "passed",
        "source",
        "to_ext",
        "to_user",
        "trunk",
    )

    def __init__(
        self,
        trunk: str,
        source: str,
        caller: str,
        called: str,
        to_user: str = "",
        to_ext: str = "",
        at: float = 0.0,
        diversions: int = 0,
        extension: str = "",
    ) -> None:
        self.trunk = trunk
        self.source = source
        self.caller = caller
        self.called = called
        self.to_user = to_user
        self.to_ext = to_ext
        self.at = at
        self.diversions = diversions
        self.extension = extension
        self.answer: LookupAnswer | None = None
        self.busy: frozenset[str] = frozenset()
        self.held: frozenset[str] = frozenset()
        self.no_credit = ""
        self.carriers = _NO_CARRIERS
        self.passed: tuple[Verdict, ...] = ()

    def answered(self, need: NeedLookup, answer: LookupAnswer) -> "Facts":
        """Return the facts to decide by now that what was needed is known."""
        if need.lookup.of_carrier:
            facts = self._with(self.answer, self.busy, self.passed)
            facts.carriers = {**self.carriers, need.number: answer}
            return facts
        return self._with(answer, self.busy, need.passed)

    def without(self, need: NeedLines, name: str) -> "Facts":
        """Return the facts to decide by now that no line of this can be had."""
        return self._with(self.answer, self.busy | {name}, need.passed)

    def holding(self, names: Iterable[str]) -> "Facts":
        """Return the facts to decide by now that this call has a line of these."""
        facts = self._with(self.answer, self.busy, self.passed)
        facts.held = frozenset(names)
        return facts

    def broke(self, need: NeedCredit, why: str) -> "Facts":
        """Return the facts to decide by now that the account cannot pay."""
        facts = self._with(self.answer, self.busy, need.passed)
        facts.no_credit = why
        return facts

    def _with(
        self, answer: LookupAnswer | None, busy: frozenset[str], passed: tuple[Verdict, ...]
    ) -> "Facts":
        facts = Facts(
            trunk=self.trunk,
            source=self.source,
            caller=self.caller,
            called=self.called,
            to_user=self.to_user,
            to_ext=self.to_ext,
            at=self.at,
            diversions=self.diversions,
            extension=self.extension,
        )
        facts.answer = answer
        facts.busy = busy
        facts.held = self.held
        facts.no_credit = self.no_credit
        facts.carriers = self.carriers
        facts.passed = passed
        return facts

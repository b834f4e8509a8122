"""The facts of a call, known when its route is decided. All that `decide()` may look at."""

from callrouter.route.values.external_lookup import LookupAnswer
from callrouter.route.values.plan import NeedLookup, Verdict


class Facts:
    """The facts of one incoming call.

    trunk: name of the trunk it came in on. source: IP address of the peer.
    caller: user part of the caller's identity as sent. called: user part of the Request-URI.
    to_user: user part of the `To:` URI. to_ext: its `ext` parameter, "" when it has none.
    at: time of the call, Unix seconds. diversions: how often it was forwarded before it came here.
    answer: what came of the look-up that a first decision needed, None before. passed: the verdicts
    of that decision up to there.
    """

    __slots__ = (
        "answer",
        "at",
        "called",
        "caller",
        "diversions",
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
    ) -> None:
        self.trunk = trunk
        self.source = source
        self.caller = caller
        self.called = called
        self.to_user = to_user
        self.to_ext = to_ext
        self.at = at
        self.diversions = diversions
        self.answer: LookupAnswer | None = None
        self.passed: tuple[Verdict, ...] = ()

    def answered(self, need: NeedLookup, answer: LookupAnswer) -> "Facts":
        """Return the facts to decide by now that what was needed is known."""
        facts = Facts(
            self.trunk,
            self.source,
            self.caller,
            self.called,
            self.to_user,
            self.to_ext,
            self.at,
            self.diversions,
        )
        facts.answer = answer
        facts.passed = need.passed
        return facts

"""The plan of a call: what is to be carried out, and the verdicts that led to it."""

from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Final, NamedTuple

from mypy_extensions import mypyc_attr

from callrouter.route.values.fraud_guards import WatchedCall
from callrouter.route.values.media_steps import Confirm, Greeting, Voice, VoiceStep
from callrouter.serializable import Serializable

CAUSE_NO_ANSWER: Final = 19
"""The hangup cause of ITU-T Q.850 that a refusal of ours carries when nobody answered."""


# What a rule does to a call.
PASSED: Final = "passed"
REFUSED: Final = "refused"
NOT_ASKED: Final = "not_asked"


@mypyc_attr(allow_interpreted_subclasses=True)
class Verdict(Serializable):
    """The verdict of one rule that was looked at.

    rule: its name as ops know it, such as `number 4000` or `trunk lab`. matched: it took effect.
    value: what was compared. why: one short sentence. file, line: where the rule stands. result:
    what it does to the call: PASSED lets it go on; REFUSED turns it away, or away from what the
    rule is about (a line, a gateway); NOT_ASKED is a rule that has no say in this call.
    """

    __slots__ = ("file", "line", "matched", "result", "rule", "value", "why")

    def __init__(
        self,
        rule: str,
        matched: bool,
        value: str,
        why: str,
        file: str,
        line: int,
        result: str = "",
    ) -> None:
        self.result = result or (PASSED if matched else NOT_ASKED)
        self.rule = rule
        self.matched = matched
        self.value = value
        self.why = why
        self.file = file
        self.line = line

    def as_dict(self) -> dict[str, str | bool | int]:
        """Return it as records and `explain --json` have it."""
        return {
            "rule": self.rule,
            "matched": self.matched,
            "result": self.result,
            "value": self.value,
            "why": self.why,
            "file": self.file,
            "line": self.line,
        }


class Redirection(NamedTuple):
    """A target that sent a call on by a 3xx.

    uri: the Request-URI it was asked by, "" for a telephone of ours. extension: that telephone's,
    else "". number: of its leg. reason: why, a word of RFC 5806. status: its 3xx. after: how the
    target before its round had ended, "" when there was none.
    """

    uri: str
    extension: str
    number: int
    reason: str
    status: int
    after: str


@dataclass(slots=True)
class Target(Serializable):
    """A target: one place a hunt rings.

    uri: the Request-URI to send. host, port, transport ("udp", "tcp", "tls", or "auto" for udp or
    tcp, by size): where to send it; host is an IP address. ring_seconds: from the INVITE to giving
    up. progress_seconds: how long it may stay without any response at all. delay_seconds: from the
    start of its round to its INVITE, at the latest; it is rung sooner when all before it have
    failed. diversion, history_info: its gateway is told by this header that the call was forwarded.
    tls_name: whom its certificate has to name, "" for its address. login: the gateway whose login
    answers its challenges, "" for none. extension: it is the registered telephones of this one.
    contact: of these, the one that is known by this, "" for all.
    gateway: the one it is dialled by, "" for none. others: the same target by other ways, in the
    order they are tried within its ring time while one after the other does not work. redirections:
    who sent the call on to it, one after the other; none when the dialplan names it. rate_plan:
    what a leg to it is charged by, "" for what the number's rate plan says of forwarded legs.
    caller_id: the number that is shown to it, "" for the caller's own. account: the extension that
    calls it by a line, "" for none. longest_seconds: from its answer on, 0 for as long as any call.
    shown_to: who is to see the same caller_id for a day, in E.164, "" for nobody. watched: what
    fraud guards and limits of spending look at, None for a call that they are not for. takes: of
    what it takes a line once it is rung, beside what the call holds already.
    """

    name: str
    uri: str
    host: str
    port: int
    transport: str
    ring_seconds: float
    progress_seconds: float
    delay_seconds: float = 0.0
    diversion: bool = False
    history_info: bool = False
    tls_name: str = ""
    login: str = ""
    extension: str = ""
    gateway: str = ""
    others: tuple["Target", ...] = ()
    redirections: tuple[Redirection, ...] = ()
    contact: str = ""
    rate_plan: str = ""
    caller_id: str = ""
    account: str = ""
    longest_seconds: float = 0.0
    shown_to: str = ""
    watched: WatchedCall | None = None
    takes: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """Where it is sent to, in one word."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.transport}:{host}:{self.port}"

    def copied(self) -> "Target":
        """Return one that can be changed."""
        return Target(*_VALUES(self))


# A third of the time that `replace()` takes: a call has a copy for each way to its target.
_VALUES: Final = attrgetter(*(field.name for field in fields(Target)))


@dataclass(slots=True, kw_only=True)
class Hunt(Serializable):
    """A hunt: targets to ring until one answers.

    rounds: rung one after the other; the targets of one round ring together, each from its own
    delay on. total_seconds: the limit for all of them, 0 for none. stop_codes: a target's final
    status in this set ends the hunt at once, and is the answer. redirects: how many 3xx answers to
    follow in this hunt, 0 to treat them like any failure. redirect_hosts: the only hosts followed
    to. on: results of the target before (busy, no_answer, unreachable, rejected) after which this
    hunt is for; empty for any. rotation: the name its turn is counted by, "" when it has none.
    greeting: what the caller hears meanwhile, confirm: what a target must do; None for nothing.
    """

    name: str
    rounds: tuple[tuple[Target, ...], ...]
    total_seconds: float
    stop_codes: frozenset[int]
    redirects: int
    redirect_hosts: frozenset[str]
    on: frozenset[str] = frozenset()
    rotation: str = ""
    greeting: Greeting | None = None
    confirm: Confirm | None = None

    @property
    def targets(self) -> tuple[Target, ...]:
        """All targets, in the order they are rung."""
        return tuple(target for together in self.rounds for target in together)


@dataclass(slots=True, kw_only=True)
class Refusal(Serializable):
    """A final answer that is not a 2xx.

    reason: why, one of the dialplan's reasons. status: SIP, and cause: Q.850; 0 for what the last
    target answered. prompt: the name of what the caller hears before, "" for nothing.
    """

    reason: str
    status: int
    cause: int
    prompt: str = ""


class Hold(NamedTuple):
    """A line that a call takes. name: of what, `number 4000`. lines: it has, 0 for any number."""

    name: str
    lines: int


@mypyc_attr(allow_interpreted_subclasses=True)
class Plan(Serializable):
    """A plan: steps to take one after the other, then the answer when none of them was the end.

    final: None relays the last target's status. holds: what the call takes one line of while it
    lasts, its number and its trunk for instance. voice: None for a call of which nobody said
    anything about media. timed: the first hunt is the one for this time of day.
    """

    __slots__ = ("final", "holds", "steps", "timed", "voice")

    def __init__(
        self,
        steps: tuple[Hunt | VoiceStep, ...],
        final: Refusal | None,
        holds: tuple[Hold, ...] = (),
        voice: Voice | None = None,
        timed: bool = False,
    ) -> None:
        self.steps = steps
        self.timed = timed
        self.final = final
        self.holds = holds
        self.voice = voice

    @property
    def hunts(self) -> tuple[Hunt, ...]:
        """Those steps that ring targets."""
        return tuple(step for step in self.steps if isinstance(step, Hunt))


@dataclass(slots=True, kw_only=True)
class AutoBlock(Serializable):
    """The automatic block of a caller who calls too often.

    calls: with so many calls within `within_seconds`, this one included, the caller is refused and
    blocked for `for_seconds`.
    """

    calls: int
    within_seconds: float
    for_seconds: float

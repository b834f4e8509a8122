"""What `decide()` answers: a plan to carry out and the verdicts that led to it."""

from typing import Final

# Hangup causes of ITU-T Q.850 that a refusal of ours can carry.
CAUSE_UNALLOCATED: Final = 1
CAUSE_NO_ANSWER: Final = 19


class Verdict:
    """What became of one rule that was looked at.

    rule: its name as ops know it, such as `number 4000` or `trunk lab`. value: what was compared.
    why: one short sentence. file, line: where the rule stands.
    """

    __slots__ = ("file", "line", "matched", "rule", "value", "why")

    def __init__(
        self, rule: str, matched: bool, value: str, why: str, file: str, line: int
    ) -> None:
        self.rule = rule
        self.matched = matched
        self.value = value
        self.why = why
        self.file = file
        self.line = line


class Target:
    """One place a hunt rings.

    uri: the Request-URI to send. host, port, transport ("udp" or "tcp"): where to send it; host is
    an IP address. ring_seconds: from the INVITE to giving up. progress_seconds: how long it may
    stay without any response at all. delay_seconds: from the start of its round to its INVITE, at
    the latest; it is rung sooner when all before it have failed.
    """

    __slots__ = (
        "delay_seconds",
        "host",
        "name",
        "port",
        "progress_seconds",
        "ring_seconds",
        "transport",
        "uri",
    )

    def __init__(
        self,
        name: str,
        uri: str,
        host: str,
        port: int,
        transport: str,
        ring_seconds: float,
        progress_seconds: float,
        delay_seconds: float = 0.0,
    ) -> None:
        self.name = name
        self.uri = uri
        self.host = host
        self.port = port
        self.transport = transport
        self.ring_seconds = ring_seconds
        self.progress_seconds = progress_seconds
        self.delay_seconds = delay_seconds


class Hunt:
    """Targets to ring until one answers.

    rounds: rung one after the other; the targets of one round ring together, each from its own
    delay on. total_seconds: the limit for all of them, 0 for none. stop_codes: a target's final
    status in this set ends the hunt at once, and is the answer. redirects: how many 3xx answers to
    follow in this hunt, 0 to treat them like any failure. redirect_hosts: the only hosts followed
    to. on: results of the target before (busy, no_answer, unreachable, rejected) after which this
    hunt is for; empty for any. rotation: the name its turn is counted by, "" when it has none.
    """

    __slots__ = (
        "name",
        "on",
        "redirect_hosts",
        "redirects",
        "rotation",
        "rounds",
        "stop_codes",
        "total_seconds",
    )

    def __init__(
        self,
        name: str,
        rounds: tuple[tuple[Target, ...], ...],
        total_seconds: float,
        stop_codes: frozenset[int],
        redirects: int,
        redirect_hosts: frozenset[str],
        on: frozenset[str] = frozenset(),
        rotation: str = "",
    ) -> None:
        self.name = name
        self.rounds = rounds
        self.total_seconds = total_seconds
        self.stop_codes = stop_codes
        self.redirects = redirects
        self.redirect_hosts = redirect_hosts
        self.on = on
        self.rotation = rotation

    @property
    def targets(self) -> tuple[Target, ...]:
        """All targets, in the order they are rung."""
        return tuple(target for together in self.rounds for target in together)


class Refusal:
    """A final answer that is not a 2xx.

    reason: why, one of the dialplan's reasons. status: SIP. cause: Q.850. prompt: the name of what
    the caller hears before, "" for nothing.
    """

    __slots__ = ("cause", "prompt", "reason", "status")

    def __init__(self, reason: str, status: int, cause: int, prompt: str = "") -> None:
        self.reason = reason
        self.status = status
        self.cause = cause
        self.prompt = prompt


class Plan:
    """Hunts to try one after the other, then the answer when none of them was answered.

    final: None relays the last target's status. holds: what the call takes one line of while it
    lasts, such as `number 4000` and `trunk lab`.
    """

    __slots__ = ("final", "holds", "hunts")

    def __init__(
        self, hunts: tuple[Hunt, ...], final: Refusal | None, holds: tuple[str, ...] = ()
    ) -> None:
        self.hunts = hunts
        self.final = final
        self.holds = holds


class AutoBlock:
    """Block a caller who calls too often.

    calls: with so many calls within `within_seconds`, this one included, the caller is refused and
    blocked for `for_seconds`.
    """

    __slots__ = ("calls", "for_seconds", "within_seconds")

    def __init__(self, calls: int, within_seconds: float, for_seconds: float) -> None:
        self.calls = calls
        self.within_seconds = within_seconds
        self.for_seconds = for_seconds


class Decision:
    """What becomes of a call, and why.

    number: the dialplan's key that matched, "" when none did. trace: in the order looked at.
    caller: the caller in E.164 where a rule needed it, "" otherwise. auto_block: the rule by which
    this call counts against its caller, None for none.
    """

    __slots__ = ("auto_block", "caller", "number", "plan", "trace")

    def __init__(
        self,
        number: str,
        plan: Plan,
        trace: tuple[Verdict, ...],
        caller: str = "",
        auto_block: AutoBlock | None = None,
    ) -> None:
        self.number = number
        self.plan = plan
        self.trace = trace
        self.caller = caller
        self.auto_block = auto_block

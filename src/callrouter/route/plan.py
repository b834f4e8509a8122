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
    stay without any response at all.
    """

    __slots__ = ("host", "name", "port", "progress_seconds", "ring_seconds", "transport", "uri")

    def __init__(
        self,
        name: str,
        uri: str,
        host: str,
        port: int,
        transport: str,
        ring_seconds: float,
        progress_seconds: float,
    ) -> None:
        self.name = name
        self.uri = uri
        self.host = host
        self.port = port
        self.transport = transport
        self.ring_seconds = ring_seconds
        self.progress_seconds = progress_seconds


class Hunt:
    """Targets to ring in order until one answers.

    total_seconds: the limit for all of them, 0 for none. stop_codes: a target's final status in
    this set ends the hunt at once, and is the answer. redirects: how many 3xx answers to follow in
    this hunt, 0 to treat them like any failure. redirect_hosts: the only hosts followed to.
    """

    __slots__ = ("name", "redirect_hosts", "redirects", "stop_codes", "targets", "total_seconds")

    def __init__(
        self,
        name: str,
        targets: tuple[Target, ...],
        total_seconds: float,
        stop_codes: frozenset[int],
        redirects: int,
        redirect_hosts: frozenset[str],
    ) -> None:
        self.name = name
        self.targets = targets
        self.total_seconds = total_seconds
        self.stop_codes = stop_codes
        self.redirects = redirects
        self.redirect_hosts = redirect_hosts


class Refusal:
    """A final answer that is not a 2xx: why, the SIP status and the Q.850 cause."""

    __slots__ = ("cause", "reason", "status")

    def __init__(self, reason: str, status: int, cause: int) -> None:
        self.reason = reason
        self.status = status
        self.cause = cause


class Plan:
    """Hunts to try one after the other, then the answer when none of them was answered.

    final: None relays the last target's status.
    """

    __slots__ = ("final", "hunts")

    def __init__(self, hunts: tuple[Hunt, ...], final: Refusal | None) -> None:
        self.hunts = hunts
        self.final = final


class Decision:
    """number: the dialplan's key that matched, "" when none did. trace: in the order looked at."""

    __slots__ = ("number", "plan", "trace")

    def __init__(self, number: str, plan: Plan, trace: tuple[Verdict, ...]) -> None:
        self.number = number
        self.plan = plan
        self.trace = trace

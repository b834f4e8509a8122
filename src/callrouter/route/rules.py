"""The compiled rules of a dialplan: plain values, never changed once built."""

from typing import Final

from callrouter.route.plan import Hunt, Plan, Verdict


class Trunk:
    """Where calls come from.

    country: how this trunk writes national numbers. called_is_to: True when the called number is
    the user part of `To:`, False when it is that of the Request-URI.
    """

    __slots__ = ("called_is_to", "country", "file", "line", "name")

    def __init__(self, name: str, country: str, called_is_to: bool, file: str, line: int) -> None:
        self.name = name
        self.country = country
        self.called_is_to = called_is_to
        self.file = file
        self.line = line


class Number:
    """A key under `numbers:` and what happens to calls for it.

    key: as written. normal: the key in E.164 (or as it is, when no phone number); "" for a prefix
    or a pattern. reads_to: the `To:` header may name an extension to ring first. steps: the
    verdicts of the route's steps, which are the same for each call.
    """

    __slots__ = ("file", "key", "line", "normal", "plan", "reads_to", "steps")

    def __init__(
        self,
        key: str,
        normal: str,
        plan: Plan,
        reads_to: bool,
        steps: tuple[Verdict, ...],
        file: str,
        line: int,
    ) -> None:
        self.key = key
        self.normal = normal
        self.plan = plan
        self.reads_to = reads_to
        self.steps = steps
        self.file = file
        self.line = line


class Extension:
    """An employee: the hunt that rings them, and the verdicts of the two ways to be named."""

    __slots__ = ("by_parameter", "by_user", "hunt")

    def __init__(self, key: str, hunt: Hunt, file: str, line: int) -> None:
        rule = f"extension {key}"
        self.hunt: Final = hunt
        self.by_user: Final = Verdict(rule, True, key, "named by the user of To:", file, line)
        self.by_parameter: Final = Verdict(rule, True, key, "named by ;ext= of To:", file, line)

"""The compiled rules of a dialplan: plain values, never changed once built."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from callrouter.route.callers.geographic_areas import AreaRule
from callrouter.route.callers.number_lists import NumberList
from callrouter.route.rules.hunt_strategies import HuntRule
from callrouter.route.rules.peer_profile import USUAL, PeerProfile
from callrouter.route.values.external_lookup import Lookup
from callrouter.route.values.media_steps import MEDIA, Voice, VoiceStep
from callrouter.route.values.opening_hours import Schedule
from callrouter.route.values.plan import AutoBlock, Refusal, Verdict
from callrouter.serializable import Serializable

_ANY: Final[frozenset[str]] = frozenset()
LONGEST_CALL: Final = 14400.0
"""Seconds that a call may last from its answer on, when nobody says otherwise."""
_SPEAKS: Final = frozenset({MEDIA})


@dataclass(slots=True, kw_only=True)
class Trunk(Serializable):
    """A trunk, where calls come from.

    country: how this trunk writes national numbers. called_is_to: True when the called number is
    the user part of `To:`, False when it is that of the Request-URI. lines: calls it may have at
    the same time, 0 for any number. calls_per_second: how many may come in by it, 0 for any number.
    packets_per_second: datagrams it may send, 0 for any number. tls_peers: names of a certificate
    that its calls are known by, in lower case. inband: its keys may come as tones in the audio.
    guarded: who comes by it has to prove who it is. peer: how it is dealt with. houses: telephones
    may be at its addresses too, which prove who they are.
    """

    name: str
    country: str
    called_is_to: bool
    file: str
    line: int
    lines: int = 0
    calls_per_second: int = 0
    tls_peers: tuple[str, ...] = ()
    inband: bool = False
    guarded: bool = False
    peer: PeerProfile = USUAL
    packets_per_second: int = 0
    houses: bool = False
    hold: str = field(init=False)

    def __post_init__(self) -> None:
        self.hold = f"trunk {self.name}"


@dataclass(slots=True, kw_only=True)
class ListUse(Serializable):
    """A list in `block:` or `allow:`. rule: `block nuisance`."""

    rule: str
    list: NumberList
    file: str
    line: int


@dataclass(slots=True, kw_only=True)
class AutoBlockRule(Serializable):
    """An `auto_block:`. always: also while the number's schedules are open."""

    rule: str
    block: AutoBlock
    always: bool
    file: str
    line: int


@dataclass(slots=True, kw_only=True, eq=False)
class Screen(Serializable):
    """The screening of callers: who may call a number.

    allow: a caller in one of these lists passes all that follows. only: a caller in none of these
    is refused; empty for no such rule. block: a caller in one of these is refused.
    """

    allow: tuple[ListUse, ...] = ()
    block: tuple[ListUse, ...] = ()
    areas: tuple[AreaRule, ...] = ()
    auto_block: AutoBlockRule | None = None
    only: tuple[ListUse, ...] = ()

    def asks(self) -> bool:
        """Say whether it looks at the caller."""
        return bool(self.only or self.allow or self.block or self.areas or self.auto_block)


OPEN_TO_ALL: Final = Screen()
"""Anybody may call."""


@dataclass(slots=True, kw_only=True)
class Step(Serializable):
    """A step of a route.

    schedule: None for no condition. open: what the schedule must be. alone: the hunt when it is
    the only target of its route that rings; several: when it is not; both None when the caller is
    spoken to. voice: how, None for a hunt. final: what the caller gets when this was the last step
    taken, None to relay the last target's answer.
    """

    rule: str
    schedule: Schedule | None
    open: bool
    alone: HuntRule | None
    several: HuntRule | None
    final: Refusal | None
    file: str
    line: int
    voice: VoiceStep | None = None

    @property
    def on(self) -> frozenset[str]:
        """After which results of the target before it is taken; empty for any."""
        if self.voice is not None:
            return self.voice.on
        return _ANY if self.several is None else self.several.hunt.on

    @property
    def gateways(self) -> frozenset[str]:
        """All that it needs to be up."""
        return _SPEAKS if self.several is None else self.several.gateways


@dataclass(slots=True, kw_only=True)
class Choice(Serializable):
    """The effect of a key of a menu. language: changes it, "" to leave it."""

    steps: tuple[Step, ...]
    language: str


@dataclass(slots=True, kw_only=True)
class Menu(Serializable):
    """A menu. choices: by key, or by several. extensions: an extension can be dialled too.

    first_seconds: from the end of the prompt to the first key. between_seconds: from key to key.
    tries: how often the prompt is played. invalid, silent: said before the next try. farewell: said
    when tries are over, "" for nothing.
    """

    name: str
    prompts: tuple[str, ...]
    choices: Mapping[str, Choice]
    extensions: bool
    first_seconds: float
    between_seconds: float
    tries: int
    invalid: str
    silent: str
    farewell: str
    file: str
    line: int


@dataclass(slots=True, kw_only=True, eq=False)
class EventRule(Serializable):
    """What events say of a number. name: what it is for, "" for nothing.

    notify_seconds: a call that lasts longer is told of, 0 for none. leads: directions of the calls
    that a CRM is to create a lead for. source: of such leads. excepted: lists of callers, and of
    whom we call, that no lead is created for.
    """

    name: str = ""
    notify_seconds: float = 0.0
    leads: frozenset[str] = frozenset()
    source: str = ""
    excepted: tuple[NumberList, ...] = ()


NOTHING_SAID: Final = EventRule()


@dataclass(slots=True, kw_only=True)
class Number(Serializable):
    """A key under `numbers:` and what happens to calls for it.

    key: as written. normal: the key in E.164 (or as it is, when no phone number); "" for a prefix
    or a pattern. reads_to: the `To:` header may name an extension to ring first. lines: calls it
    may have at the same time, 0 for any number. overflow: steps for those beyond, empty for none.
    backup: rings when all gateways of the route are down. reasons: its refusals. suspended: takes
    no calls. gateways: all that its route and overflow need. lookup: says who is rung first, None
    for nobody. open_to: the trunks whose calls it takes, None for all. codes_for: those whose
    callers it and its menus lead to feature codes and to messages, None for all. longest_call:
    seconds from its answer on. rate_plan, account: what its calls are charged by and who pays for
    them, call_back: the rule by which callers are called back that nobody answered, "" for none.
    events: what others are told of it. extensions: whose telephones its route rings. fixed: each
    call gets the same plan while no gateway is down, nobody is blocked, and none of these is away.
    """

    key: str
    normal: str
    route: tuple[Step, ...]
    reasons: Mapping[str, Refusal]
    file: str
    line: int
    reads_to: bool = False
    screen: Screen = OPEN_TO_ALL
    lines: int = 0
    overflow: tuple[Step, ...] = ()
    backup: HuntRule | None = None
    suspended: bool = False
    voice: Voice | None = None
    lookup: Lookup | None = None
    open_to: frozenset[str] | None = None
    codes_for: frozenset[str] | None = None
    longest_call: float = LONGEST_CALL
    rate_plan: str = ""
    events: EventRule = NOTHING_SAID
    account: str = ""
    call_back: str = ""
    hold: str = field(init=False)
    gateways: frozenset[str] = field(init=False)
    extensions: frozenset[str] = field(init=False)
    fixed: bool = field(init=False)

    def __post_init__(self) -> None:
        self.hold = f"number {self.key}"
        self.gateways = frozenset().union(
            *(step.gateways for step in (*self.route, *self.overflow))
        )
        self.extensions = frozenset().union(
            *(step.several.extensions for step in self.route if step.several is not None)
        )
        self.fixed = not (
            self.reads_to
            or self.lines
            or self.lookup is not None
            or self.screen.asks()
            or any(
                step.schedule is not None or (step.several is not None and step.several.changes)
                for step in self.route
            )
        )


@dataclass(slots=True, kw_only=True)
class Extension(Serializable):
    """An employee: the hunt that rings them, and the verdicts of the two ways to be named.

    lines: calls they may have at the same time, 0 for any number. only: the hunt when nothing comes
    behind it, None when something always does. afterwards: what does, a hunt or a box. schedule:
    when their telephones ring, None for any time. forward: where their calls go, by `all`, `busy`
    and `no_answer`, unless it was switched otherwise. caller_id: what is shown of them outside.
    account: who pays for what they call outside, "" for nobody. voice: the media of these calls.
    """

    key: str
    rule: HuntRule
    file: str
    line: int
    lines: int = 0
    only: HuntRule | None = None
    afterwards: tuple[HuntRule | VoiceStep, ...] = ()
    schedule: Schedule | None = None
    forward: Mapping[str, str] = field(default_factory=dict)
    caller_id: str = ""
    account: str = ""
    voice: Voice | None = None
    hold: str = field(init=False)
    by_user: Verdict = field(init=False)
    by_parameter: Verdict = field(init=False)

    def __post_init__(self) -> None:
        self.hold = f"extension {self.key}"
        self.by_user = self._named("named by the user of To:")
        self.by_parameter = self._named("named by ;ext= of To:")

    def _named(self, why: str) -> Verdict:
        return Verdict(self.hold, True, self.key, why, self.file, self.line)

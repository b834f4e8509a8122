"""Call queues of the dialplan: the rule of each, what callers hear, and how its agents are rung."""

from dataclasses import dataclass

from callrouter.queues.call_back_book import CallBackRule
from callrouter.queues.queue_rules import QueueRule
from callrouter.route.rules.number_rules import Menu
from callrouter.route.rules.outbound_lines import OutboundLine
from callrouter.route.values.opening_hours import Schedule
from callrouter.serializable import Serializable


@dataclass(slots=True, kw_only=True)
class QueueAnnouncements(Serializable):
    """What interrupts the music of who waits: at once, and then again and again.

    prompts: said first. position, wait: whether the caller's place and expected wait are said.
    """

    every_seconds: float
    prompts: tuple[str, ...] = ()
    position: bool = False
    wait: bool = False


@dataclass(slots=True, kw_only=True)
class CallQueue(Serializable):
    """A call queue. music: by name, "" for ringback. announcements: None for none.

    keys: what callers can press while they wait, None for nothing.
    """

    rule: QueueRule
    music: str
    announcements: QueueAnnouncements | None
    keys: Menu | None
    file: str
    line: int


@dataclass(slots=True, kw_only=True)
class CallBackSetup(Serializable):
    """How callers are called back. schedule: when, None for any time. by: the line.

    countries: whose numbers may be.
    """

    rule: CallBackRule
    schedule: Schedule | None
    by: OutboundLine
    countries: frozenset[str]
    file: str
    line: int


@dataclass(slots=True, kw_only=True)
class AgentTelephones(Serializable):
    """What an agent of any queue is rung at.

    targets: names of all that ring there, also where something else than a queue rings them.
    registers: it is reached by telephones that register, and by nothing else. schedule: its hours,
    None for any time.
    """

    extension: str
    targets: frozenset[str]
    registers: bool
    schedule: Schedule | None = None

"""The kinds of events that others are told of."""

from typing import Final

STARTED: Final = "call.started"
RINGING: Final = "call.ringing"
ANSWERED: Final = "call.answered"
TRANSFERRED: Final = "call.transferred"
RECORDED: Final = "call.recorded"
VOICEMAIL: Final = "call.voicemail"
LONG: Final = "call.long"
BLOCKED: Final = "call.blocked"
MISSED: Final = "call.missed"
ENDED: Final = "call.ended"
QUEUE_JOINED: Final = "queue.joined"
QUEUE_ANSWERED: Final = "queue.answered"
QUEUE_ABANDONED: Final = "queue.abandoned"
QUEUE_OVERFLOWED: Final = "queue.overflowed"
AGENT_AWAY: Final = "agent.away"
AGENT_BACK: Final = "agent.back"
ACCOUNT_NOTICE: Final = "account.notice"
ACCOUNT_SUSPENDED: Final = "account.suspended"
ACCOUNT_RECLAIMED: Final = "account.reclaimed"
ACCOUNT_RESTORED: Final = "account.restored"
ACCOUNT_RESUMED: Final = "account.resumed"
NUMBER_RESERVED: Final = "number.reserved"
NUMBER_ACTIVE: Final = "number.active"
NUMBER_SUSPENDED: Final = "number.suspended"
NUMBER_DISCONNECTING: Final = "number.disconnecting"
NUMBER_GONE: Final = "number.gone"
NUMBER_RECLAIMED: Final = "number.reclaimed"

FRAUD_NEW_COUNTRY: Final = "fraud.new_country"
FRAUD_SHORT_CALLS: Final = "fraud.short_calls"

KINDS: Final[dict[str, str]] = {
    STARTED: "A call was admitted, and it is decided what becomes of it.",
    RINGING: "Somebody rings now, or nobody does any more: `call.ringing` lists all who do.",
    ANSWERED: "The caller is connected: to a person, a queue, a menu or a voicemail box.",
    TRANSFERRED: "Somebody has transferred the call by hand, and it has another owner.",
    RECORDED: "A recording has ended; `file` says what became of it.",
    VOICEMAIL: "A voicemail message has ended; `file` says what became of it.",
    LONG: "The call lasts longer than its number's `notify` says. Once for a call.",
    BLOCKED: "The caller was refused by a list, a block, an area or a country.",
    MISSED: "A call from outside has ended, and nobody talked to the caller.",
    ENDED: "The call is over. It is the last event of a call, and has all that the record has.",
    QUEUE_JOINED: "A caller waits in a queue.",
    QUEUE_ANSWERED: "An agent has the caller who waited.",
    QUEUE_ABANDONED: "A caller hung up while waiting.",
    QUEUE_OVERFLOWED: "A caller waits no more: the queue was full, the wait too long, or a key "
    "was pressed.",
    AGENT_AWAY: "An agent takes no more calls of queues; `queue.why` says why.",
    AGENT_BACK: "An agent takes calls of queues again.",
    ACCOUNT_NOTICE: "The balance of an account has fallen under its `notice`.",
    ACCOUNT_SUSPENDED: "An account pays for no new call: it is under `suspend`, or held by hand.",
    ACCOUNT_RECLAIMED: "An account was suspended for as long as its `reclaim` says.",
    ACCOUNT_RESTORED: "A payment has ended the suspension of an account.",
    ACCOUNT_RESUMED: "An account that was suspended by hand pays again.",
    NUMBER_RESERVED: "A number is reserved, and takes no calls yet.",
    NUMBER_ACTIVE: "A number takes calls.",
    NUMBER_SUSPENDED: "A number takes no calls for a while.",
    NUMBER_DISCONNECTING: "A number was disconnected; until `life.until` that can be undone.",
    NUMBER_GONE: "A number is gone, and cannot be connected again until `life.until`.",
    NUMBER_RECLAIMED: "A number was taken back, or its reservation is over.",
    FRAUD_NEW_COUNTRY: "An extension calls a country for the first time: see `guards`.",
    FRAUD_SHORT_CALLS: "An extension has made many short calls to one range of numbers.",
}
"""What each tells, in the order in which a call comes by them."""

GROUPS: Final = tuple(dict.fromkeys(f"{kind.partition('.')[0]}.*" for kind in KINDS))
"""What stands for all kinds of one group, such as `call.*`."""


def kinds_of(names: list[str]) -> frozenset[str]:
    """The kinds that names, of kinds and of groups, stand for."""
    return frozenset(
        kind
        for kind in KINDS
        for name in names
        if kind == name or (name.endswith("*") and kind.startswith(name[:-1]))
    )

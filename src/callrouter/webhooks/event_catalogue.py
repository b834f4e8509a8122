"""The catalogue of events: what each kind has in its `data`, as models and with an example each.

The models are what is promised, and tests hold what is told against them. What is told is written
by hand (`call_object`), for a model costs a call ten times as much.
"""

from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from callrouter.webhooks import event_kinds as kinds


class EventPart(BaseModel):
    """Base of all parts."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)


class EventNumber(EventPart):
    """A number of the dialplan."""

    key: str = Field(description="As `numbers` of the dialplan has it.")
    name: str = Field(description="What it is for, `name` there.")
    kind: str = Field(
        description="`toll_free`, `shared_cost`, `premium`, `mobile`, `fixed`, or empty where its "
        "digits do not tell."
    )


class EventCost(EventPart):
    """What a call cost, as its record has it."""

    amount: str = Field(description="A decimal, as text.")
    currency: str = Field(description="ISO 4217.")
    seconds: int = Field(description="Billed seconds of all legs.")


class CallObject(EventPart):
    """The call, as it was when the event happened. Times are Unix seconds, null for not yet."""

    id: str = Field(description="As `callrouter cdr` has it.")
    direction: str = Field(description="`inbound`, `internal` or `outbound`.")
    trunk: str = Field(description="By which it came in.")
    number: EventNumber | None = Field(
        description="The number that was called or, outbound, the one that is shown."
    )
    caller: str = Field(description="As it was sent.")
    caller_number: str = Field(description="In E.164, empty for none.")
    called: str = Field(description="As it was sent.")
    called_number: str = Field(description="In E.164, empty for none.")
    extension: str = Field(description="Whose telephone calls, empty for none of ours.")
    line: str = Field(description="By which it goes outside.")
    call_back_of: str = Field(description="The id of the call that this one calls back for.")
    target: str = Field(description="The target that talks; else the one tried last.")
    ringing: list[str] = Field(
        description="Who rings now: extensions, and the names of targets that are of none."
    )
    queue: str = Field(description="In which the caller waits, or waited last.")
    started: float = Field(description="When it began.")
    ringing_at: float | None = Field(description="When the caller heard that it rings.")
    answered_at: float | None = Field(description="When the caller was connected.")
    ended_at: float | None = Field(description="When it ended.")
    disposition: str = Field(description="As in the record; empty before the end.")
    status: int = Field(description="The final SIP status, 0 before the end.")
    cause: int = Field(description="Q.850, 0 before the end.")
    reason: str = Field(description="Why it was refused or ended by us.")
    hung_up_by: str = Field(description="`caller`, `callee` or `callrouter`.")
    cost: EventCost | None = Field(description="Null before the end, and for no rate plan.")
    survey: str = Field(description="The key that the caller pressed after the call.")
    recordings: list[str] = Field(description="Ids of `callrouter recordings`.")
    messages: list[str] = Field(description="Ids of `callrouter voicemail`.")
    create: bool = Field(
        description="A CRM that does not know the other party is to create a lead: see `crm`."
    )
    source: str = Field(description="The source of such a lead.")
    excluded: bool = Field(description="The other party is in a list of `except`.")
    owner: str = Field(
        description="The extension that the call belongs to: who talks or talked last, or called."
    )
    previous_owner: str = Field(description="Who it belonged to before a transfer by hand.")


class EventKept(EventPart):
    """A recording or a message."""

    id: str = Field(description="Its id, empty when nothing was kept.")
    of: str = Field(description="The number, or the voicemail box.")
    seconds: float = Field(description="How long it is.")
    result: str = Field(
        description="`complete`, `broken`, `short`, `empty`, `full` or `failed`, as in the record."
    )


class EventQueue(EventPart):
    """What happened in a queue, or to an agent of queues."""

    name: str = Field(description="Of the queue, empty for all of an agent.")
    agent: str = Field(description="The extension, empty for none.")
    why: str = Field(description="`full`, `timeout`, `key`, or why an agent is away.")
    waited: float = Field(description="Seconds that the caller has waited.")


class EventAccount(EventPart):
    """An account, as it was when the event happened."""

    name: str = Field(description="As the file of rate plans has it.")
    balance: str = Field(description="A decimal, as text.")
    currency: str = Field(description="ISO 4217.")
    who: str = Field(description="Who did it; `callrouter` for what a balance did.")


class EventLife(EventPart):
    """The life of a number, as it was when the event happened."""

    number: str = Field(description="Its key in the dialplan.")
    state: str = Field(
        description="`reserved`, `active`, `suspended`, `disconnecting`, `gone` or `reclaimed`."
    )
    until: float = Field(description="When the state ends by itself, Unix seconds; 0 for never.")
    who: str = Field(description="Who changed it; `callrouter` for what time did.")


class EventAlarm(EventPart):
    """What a guard against fraud has found."""

    extension: str = Field(description="The extension whose telephone called.")
    cdr: str = Field(description="The id of the record of the call with which it was found.")
    what: str = Field(
        description="The country (ISO 3166; `001` for a number of none), or the first digits of "
        "the range."
    )
    first_of: str = Field(
        description="Of a new country: `company` when nobody had called there, else `extension`."
    )
    calls: int = Field(description="Of short calls: how many; else 0.")
    barred: bool = Field(
        description="The extension may not call abroad until `callrouter barrings lift`."
    )


class EventData(EventPart):
    """The `data` of an event. What an event has nothing of is not there."""

    call: CallObject | None = Field(default=None, description="Of all `call` events.")
    by: str | None = Field(
        default=None, description="Of `call.transferred`: `caller` or `callee` asked for it."
    )
    file: EventKept | None = Field(
        default=None, description="Of `call.recorded` and `call.voicemail`."
    )
    queue: EventQueue | None = Field(default=None, description="Of all `queue` and `agent` events.")
    account: EventAccount | None = Field(default=None, description="Of all `account` events.")
    life: EventLife | None = Field(default=None, description="Of all `number` events.")
    alarm: EventAlarm | None = Field(default=None, description="Of all `fraud` events.")


_BEGUN: Final = CallObject(
    id="19cac1f3a7a-00011a2b",
    direction="inbound",
    trunk="carrier",
    number=EventNumber(key="4008001234", name="Head office", kind="shared_cost"),
    caller="013800138000",
    caller_number="+8613800138000",
    called="4008001234",
    called_number="4008001234",
    extension="",
    line="",
    call_back_of="",
    target="",
    ringing=[],
    queue="",
    started=1772415000.25,
    ringing_at=None,
    answered_at=None,
    ended_at=None,
    disposition="",
    status=0,
    cause=0,
    reason="",
    hung_up_by="",
    cost=None,
    survey="",
    recordings=[],
    messages=[],
    create=True,
    source="Web",
    excluded=False,
    owner="",
    previous_owner="",
)
_WAITS: Final = _BEGUN.model_copy(update={"answered_at": 1772415000.5, "queue": "support"})
_RINGS: Final = _BEGUN.model_copy(
    update={"target": "phones 101", "ringing": ["101", "102"], "ringing_at": 1772415001.0}
)
_TALKS: Final = _RINGS.model_copy(
    update={"ringing": [], "answered_at": 1772415004.0, "owner": "101"}
)
_MOVED: Final = _TALKS.model_copy(
    update={"target": "phones 102", "owner": "102", "previous_owner": "101"}
)
_END: Final = {"ended_at": 1772415064.0, "ringing": []}
_OVER: Final = _MOVED.model_copy(
    update={
        **_END,
        "disposition": "ANSWERED",
        "status": 200,
        "cause": 16,
        "hung_up_by": "caller",
        "cost": EventCost(amount="0.3000", currency="CNY", seconds=60),
        "survey": "5",
    }
)
_NOBODY: Final = _RINGS.model_copy(
    update={**_END, "disposition": "NO_ANSWER", "status": 480, "cause": 19}
)
_REFUSED: Final = _BEGUN.model_copy(
    update={
        **_END,
        "disposition": "REJECTED",
        "status": 403,
        "cause": 21,
        "reason": "blocked_caller",
        "hung_up_by": "callrouter",
        "create": False,
    }
)
_SOUND: Final = "19cac1f4920-9f8e7d6c"


def _queued(agent: str = "", why: str = "", waited: float = 12.5) -> EventQueue:
    return EventQueue(name="support", agent=agent, why=why, waited=waited)


def _account(balance: str, who: str = "callrouter") -> EventAccount:
    return EventAccount(name="acme", balance=balance, currency="CNY", who=who)


def _life(state: str, until: float = 0.0, who: str = "li") -> EventLife:
    return EventLife(number="4008001234", state=state, until=until, who=who)


def _alarm(what: str, first_of: str = "", calls: int = 0, *, barred: bool = False) -> EventAlarm:
    return EventAlarm(
        extension="102",
        cdr=_BEGUN.id,
        what=what,
        first_of=first_of,
        calls=calls,
        barred=barred,
    )


EXAMPLES: Final[dict[str, EventData]] = {
    kinds.STARTED: EventData(call=_BEGUN),
    kinds.RINGING: EventData(call=_RINGS),
    kinds.ANSWERED: EventData(call=_TALKS),
    kinds.TRANSFERRED: EventData(call=_MOVED, by="callee"),
    kinds.RECORDED: EventData(
        call=_TALKS.model_copy(update={"recordings": [_SOUND]}),
        file=EventKept(id=_SOUND, of="4008001234", seconds=59.5, result="complete"),
    ),
    kinds.VOICEMAIL: EventData(
        call=_BEGUN.model_copy(update={"answered_at": 1772415020.0, "messages": [_SOUND]}),
        file=EventKept(id=_SOUND, of="sales", seconds=17.25, result="complete"),
    ),
    kinds.LONG: EventData(call=_TALKS),
    kinds.BLOCKED: EventData(call=_REFUSED),
    kinds.MISSED: EventData(call=_NOBODY),
    kinds.ENDED: EventData(call=_OVER),
    kinds.QUEUE_JOINED: EventData(call=_WAITS, queue=_queued(waited=0.0)),
    kinds.QUEUE_ANSWERED: EventData(
        call=_WAITS.model_copy(update={"owner": "101", "target": "phones 101"}),
        queue=_queued(agent="101"),
    ),
    kinds.QUEUE_ABANDONED: EventData(call=_WAITS, queue=_queued()),
    kinds.QUEUE_OVERFLOWED: EventData(call=_WAITS, queue=_queued(why="timeout", waited=300.0)),
    kinds.AGENT_AWAY: EventData(
        queue=EventQueue(name="", agent="101", why="missed 3 calls", waited=0.0)
    ),
    kinds.AGENT_BACK: EventData(queue=EventQueue(name="", agent="101", why="", waited=0.0)),
    kinds.ACCOUNT_NOTICE: EventData(account=_account("34.0000")),
    kinds.ACCOUNT_SUSPENDED: EventData(account=_account("14.0000")),
    kinds.ACCOUNT_RECLAIMED: EventData(account=_account("14.0000")),
    kinds.ACCOUNT_RESTORED: EventData(account=_account("20.0000")),
    kinds.ACCOUNT_RESUMED: EventData(account=_account("20.0000", "li")),
    kinds.NUMBER_RESERVED: EventData(life=_life("reserved", 1772587800.0)),
    kinds.NUMBER_ACTIVE: EventData(life=_life("active")),
    kinds.NUMBER_SUSPENDED: EventData(life=_life("suspended")),
    kinds.NUMBER_DISCONNECTING: EventData(life=_life("disconnecting", 1772501400.0)),
    kinds.NUMBER_GONE: EventData(life=_life("gone", 1780450200.0, "callrouter")),
    kinds.NUMBER_RECLAIMED: EventData(life=_life("reclaimed")),
    kinds.FRAUD_NEW_COUNTRY: EventData(alarm=_alarm("VN", first_of="company")),
    kinds.FRAUD_SHORT_CALLS: EventData(alarm=_alarm("+8490123", calls=10, barred=True)),
}
"""One of each kind."""

"""Explanation of a call, as operators ask for it: each rule that is looked at, and what follows.

Rules. A call of this moment is decided by the state as it is. For a call of another moment the part
of the state counts that lasts: blocks, overrides, absences, drained gateways and whether there are
media at all; lines in use and gateways that are down are left out. Without a server nothing of it
is known: nobody is blocked, away or on a line. Nothing is called, changed or looked up.
"""

import ipaddress
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Final

from pydantic import Field

from callrouter.operations.explained_costs import ExplainedCost, costs
from callrouter.operations.operation import (
    Name,
    NotFoundError,
    OperationAnswer,
    OperationRequest,
    RunningServer,
    Until,
)
from callrouter.outcomes import (
    entered,
    key_words,
    media_words,
    menu_words,
    nobody_left,
    place_of,
    spoken,
)
from callrouter.route.callers import telephone_numbers as numbers
from callrouter.route.decide.routing import decide_with
from callrouter.route.rules.compiled_dialplan import Dialplan
from callrouter.route.values.decision import Decision
from callrouter.route.values.external_lookup import (
    Lookup,
    LookupAnswer,
    said,
    said_of_carrier,
)
from callrouter.route.values.facts import Facts
from callrouter.route.values.media_steps import MEDIA, EnterMenu, EnterQueue, VoiceStep
from callrouter.route.values.plan import Hunt, Plan, Target
from callrouter.route.values.snapshot import Snapshot
from callrouter.yamlfile.wording import shown, suggestion

NOW: Final = "now"
LASTING: Final = "lasting"
NONE: Final = "none"
"""What of the state was looked at: all of it, what lasts, or nothing."""

_LONGEST: Final = 1000

_LONGEST_CALL: Final = 7 * 86400

Lasting = Annotated[
    float, Field(ge=0, le=_LONGEST_CALL, description=f"seconds from 0 to {_LONGEST_CALL}")
]
Sent = Annotated[
    str, Field(max_length=_LONGEST, description=f"text of at most {_LONGEST} characters")
]


class ExplainCall(OperationRequest):
    """caller, called: as the trunk sends them. trunk: None for the dialplan's first.

    to_user, to_ext: what To: names; None for what is called. at: Unix seconds, None for now. down:
    gateways that are not to work. owner: the extension that the number's look-up would name, "" for
    nobody, None when nobody says; carrier: the same of who is called. seconds: how long it lasts
    from its answer on, to say what it costs; None to leave that out. forwarded_after: of these,
    before a target answers.
    """

    caller: Sent
    called: Sent
    to_user: Sent | None = None
    to_ext: Sent = ""
    at: Until | None = None
    trunk: Name | None = None
    down: list[Name] = Field(default_factory=list)
    owner: Sent | None = None
    carrier: Sent | None = None
    seconds: Lasting | None = None
    forwarded_after: Lasting = 0.0


class ExplainedTarget(OperationAnswer):
    """address: where it is rung."""

    name: str
    address: str
    ring_seconds: float


class RungTarget(ExplainedTarget):
    """delay_seconds: after the first of those that ring with it. together: with the one before."""

    delay_seconds: float
    together: bool


class ExplainedRule(OperationAnswer):
    """result: passed, refused or not_asked. matched: it took effect. value: what it looked at."""

    rule: str
    matched: bool
    result: str
    value: str
    why: str
    file: str
    line: int


class ExplainedStep(OperationAnswer):
    """rings: targets by name. says: what is heard. after: what has to have happened before.

    menu: the one that is entered, "" for none.
    """

    rings: list[str]
    says: list[str]
    after: list[str]
    menu: str
    targets: list[RungTarget]


class Explanation(OperationAnswer):
    """What would become of a call.

    dialplan: its version. number: its key, "" for none. final, reason: of the refusal, or when
    nobody is left; None for what the last target answers. media: what goes with its media. menus:
    those that it may come through. left: the end of a call that nobody took. at: Unix seconds.
    timezone: of the dialplan. state: `now`, `lasting` or `none`. draining: new calls get 503.
    costs: by who answers, when it was asked for; empty when nothing is charged. attributes: what
    the database says of the number, "" for nothing.
    """

    dialplan: str
    number: str
    targets: list[ExplainedTarget]
    final: int | None
    reason: str | None
    trace: list[ExplainedRule]
    steps: list[ExplainedStep]
    media: list[str]
    menus: dict[str, list[str]]
    left: str
    trunk: str
    at: float
    timezone: str
    state: str
    draining: bool
    costs: list[ExplainedCost] = Field(default_factory=list)
    attributes: str = ""


async def explain_call(running: RunningServer, request: ExplainCall) -> Explanation:
    """What would become of a call by the state of this moment, and why."""
    live, clock, now = running.shared.snapshot(), running.clock, request.at is None
    down = live.down
    if not now:
        down = {it for it in down if it == MEDIA or running.gateways.is_drained(it)}
    snapshot = replace(live, down=down | frozenset(request.down))
    if not now:
        snapshot = replace(snapshot, lines={}, arrivals={}, places=None)
    dialplan = running.dialplan()
    at = clock.now() if request.at is None else request.at - live.ahead
    decision, facts = _decided(dialplan, request, snapshot, at)
    phones: dict[str, int] = {}
    for target in _targets(decision) if now else ():
        if target.extension:
            asked = running.shared.registrations.of(target.extension, at)
            found = await running.answer_of("registrations", asked)
            phones[target.extension] = sum(1 for phone in found if phone.reachable)
    explained = _explanation(
        dialplan,
        decision,
        facts.trunk,
        clock.wall(at),
        phones,
        state=NOW if now else LASTING,
        draining=now and running.is_draining(),
    )
    known = live.known.get(decision.number)
    if known is not None:
        explained = explained.model_copy(update={"attributes": known.text})
    return _with_costs(explained, dialplan, decision, request)


def explained_alone(dialplan: Dialplan, request: ExplainCall) -> Explanation:
    """What would become of a call as after a first start, and why. Raises NotFoundError."""
    at = time.time() if request.at is None else request.at
    snapshot = Snapshot(down=frozenset(request.down))
    decision, facts = _decided(dialplan, request, snapshot, at)
    found = _explanation(dialplan, decision, facts.trunk, at, {}, state=NONE, draining=False)
    return _with_costs(found, dialplan, decision, request)


def _with_costs(
    found: Explanation, dialplan: Dialplan, decision: Decision, request: ExplainCall
) -> Explanation:
    if request.seconds is None:
        return found
    called = numbers.written(request.called, dialplan.trunks[found.trunk].country)
    by_answer = costs(
        dialplan, decision, called, found.at, request.seconds, request.forwarded_after
    )
    return found.model_copy(update={"costs": list(by_answer)})


def _decided(
    dialplan: Dialplan, request: ExplainCall, snapshot: Snapshot, at: float
) -> tuple[Decision, Facts]:
    """Decide a call at a time as the snapshot has it. Raises NotFoundError."""
    trunk = _trunk(dialplan, request.trunk)
    for gateway in request.down:
        if gateway not in dialplan.gateways:
            hint = suggestion(gateway, dialplan.gateways)
            raise NotFoundError(f"no gateway is named {shown(gateway)}{hint}")
    user = request.called if request.to_user is None else request.to_user
    source = _source(dialplan, trunk)
    facts = Facts(
        trunk=trunk,
        source=source,
        caller=request.caller,
        called=request.called,
        to_user=user,
        to_ext=request.to_ext,
        at=at,
        extension=dialplan.telephone_of(trunk, request.caller),
    )
    owner, carrier = request.owner, request.carrier

    def answer(lookup: Lookup) -> LookupAnswer | None:
        if lookup.of_carrier:
            return None if carrier is None else said_of_carrier(carrier)
        return None if owner is None else said(owner)

    return decide_with(dialplan, facts, snapshot, answer)


def _trunk(dialplan: Dialplan, named: str | None) -> str:
    if named is None:
        return next(iter(dialplan.trunks))
    if named not in dialplan.trunks:
        names = ", ".join(dialplan.trunks)
        hint = suggestion(named, dialplan.trunks) or f"; expected one of {names}"
        raise NotFoundError(f"no trunk is named {shown(named)}{hint}")
    return named


def _source(dialplan: Dialplan, trunk: str) -> str:
    """Return an address that a trunk sends from, "" when it is known by its certificate."""
    cidrs = [network.cidr for network in dialplan.networks if network.trunk.name == trunk]
    if not cidrs:
        return ""
    network = ipaddress.ip_network(cidrs[0])
    return str(network[1] if network.num_addresses > 1 else network[0])


def _targets(decision: Decision) -> list[Target]:
    return [target for hunt in decision.plan.hunts for target in hunt.targets]


def _explanation(
    dialplan: Dialplan,
    decision: Decision,
    trunk: str,
    at: float,
    phones: Mapping[str, int],
    *,
    state: str,
    draining: bool,
) -> Explanation:
    """phones: how many are reachable, by extension, as far as it is known."""
    plan = decision.plan
    waits = [
        dialplan.queues[step.act.queue]
        for step in plan.steps
        if isinstance(step, VoiceStep) and isinstance(step.act, EnterQueue)
    ]
    keys = {_queue(queue.rule.name): queue.keys for queue in waits if queue.keys is not None}
    led_to = [
        step.voice
        for menu in keys.values()
        for choice in menu.choices.values()
        for step in choice.steps
        if step.voice is not None
    ]
    menus = entered(Plan((*plan.steps, *led_to), None), dialplan.menus)
    return Explanation(
        dialplan=dialplan.version,
        number=decision.number,
        targets=[
            ExplainedTarget(
                name=target.name,
                address=_address(target, phones),
                ring_seconds=target.ring_seconds,
            )
            for target in _targets(decision)
        ],
        final=None if plan.final is None else plan.final.status,
        reason=None if plan.final is None else plan.final.reason,
        trace=[ExplainedRule.model_validate(verdict.as_dict()) for verdict in decision.trace],
        steps=[_step(step, phones) for step in plan.steps],
        media=[] if plan.voice is None else media_words(plan.voice),
        menus={name: key_words(menu) for name, menu in keys.items()}
        | {name: menu_words(dialplan.menus[name]) for name in menus},
        left=nobody_left(plan),
        trunk=trunk,
        at=at,
        timezone=dialplan.timezone,
        state=state,
        draining=draining,
    )


def _step(step: Hunt | VoiceStep, phones: Mapping[str, int]) -> ExplainedStep:
    act = step.act if isinstance(step, VoiceStep) else None
    rounds = step.rounds if isinstance(step, Hunt) else ()
    targets = [
        RungTarget(
            name=target.name,
            address=_address(target, phones),
            ring_seconds=target.ring_seconds,
            delay_seconds=target.delay_seconds,
            together=place > 0,
        )
        for together in rounds
        for place, target in enumerate(together)
    ]
    return ExplainedStep(
        rings=[target.name for target in targets],
        says=spoken(step),
        after=sorted(step.on),
        menu=act.menu
        if isinstance(act, EnterMenu)
        else _queue(act.queue)
        if isinstance(act, EnterQueue)
        else "",
        targets=targets,
    )


def _queue(name: str) -> str:
    """By what an explanation knows the keys of a queue; no menu has a name with a blank."""
    return f"queue {name}"


def _address(target: Target, phones: Mapping[str, int]) -> str:
    registered = phones.get(target.extension)
    known = "" if registered is None else f" ({registered or 'none'} registered)"
    return f"{place_of(target)}{known}"

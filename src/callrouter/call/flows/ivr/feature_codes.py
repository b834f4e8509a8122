"""Feature codes: dialled numbers that switch presence, forwards and schedules (B3, B13, D4)."""

from functools import partial

from callrouter.call.call import Call
from callrouter.call.flows.ivr.play_gather import attach, say
from callrouter.call.legs.reply import reply
from callrouter.call.services.call_events import FeatureSwitched
from callrouter.call.services.shared_state import SECONDS
from callrouter.call.wait import NoMedia, attend
from callrouter.pending import Later, Unavailable
from callrouter.route.callers import telephone_numbers as numbers
from callrouter.route.decide.reach import misdirected
from callrouter.route.rules.number_rules import Extension
from callrouter.route.values.media_steps import Feature
from callrouter.route.values.plan import REFUSED, Verdict
from callrouter.route.values.snapshot import FORWARDS

_SAYS = {"open": "override_open", "closed": "override_closed", "": "override_cleared"}


async def switch(call: Call, feature: Feature) -> None:
    """Switch it, and say so. Raises NoMedia when nobody can say so, or is to: it is not known to be
    switched. Over.
    """
    if feature.forward:
        said = await _forward(call, feature.forward)
    elif feature.presence is not None:
        said = await _presence(call, feature.presence)
    else:
        said = await _schedule(call, feature)
    await attach(call, answer=True)
    await say(call, (said,))


def _own(call: Call) -> Extension:
    """The caller's own extension: of others nobody switches anything. Raises NoMedia."""
    key = call.facts.extension or numbers.plain(call.facts.caller)
    extension = call.dialplan.extensions.get(key)
    if extension is None:
        raise NoMedia
    return extension


async def _presence(call: Call, why: str) -> str:
    extension = _own(call).key
    presence = call.shared.presence
    if why:
        await _done(call, "presence", presence.leave(extension, why))
    else:
        await _done(call, "presence", presence.come_back(extension))
    _tell(call, f"presence of {extension}", "away" if why else "back")
    return "presence_away" if why else "presence_back"


async def _forward(call: Call, when: str) -> str:
    extension = _own(call)
    forwards = call.shared.forwards
    if when not in FORWARDS:
        for each in FORWARDS:
            if extension.forward.get(each):
                await _done(call, "forwards", forwards.forward(extension.key, each, ""))
            else:
                await _done(call, "forwards", forwards.unswitch(extension.key, each))
        _tell(call, f"forwards of {extension.key}", "none")
        return "forward_off"
    goal = dialled_behind(call)
    now = call.shared.snapshot()
    why = misdirected(call.dialplan, now, call.at, extension, goal)
    if why:
        number = call.number
        rule = f"forward {when} of {extension.hold}"
        place = number.file, number.line
        refused = Verdict(rule, False, goal, f"is not switched: {why}", *place, result=REFUSED)
        call.record.trace = (*call.record.trace, refused)
        return "invalid_choice"
    await _done(call, "forwards", forwards.forward(extension.key, when, goal))
    _tell(call, f"forward {when} of {extension.key}", goal)
    return "forward_on"


def dialled_behind(call: Call) -> str:
    """What is dialled behind the code; a # at the end ends it."""
    code = call.number.key.partition("x")[0]
    dialled = numbers.dialled(call.dialplan.called_by(call.facts))
    return dialled.removeprefix(code).removesuffix("#")


async def _schedule(call: Call, feature: Feature) -> str:
    overrides = call.shared.overrides
    if feature.to:
        opens = feature.to == "open"
        await _done(call, "overrides", overrides.override(feature.schedule, opens, 0.0))
    else:
        await _done(call, "overrides", overrides.end(feature.schedule))
    _tell(call, f"schedule {feature.schedule}", feature.to or "usual")
    return _SAYS[feature.to]


async def _done(call: Call, port: str, asked: Later[bool]) -> None:
    """Wait until it is done; that it was so before is as good. Raises NoMedia, Over."""
    answer = await reply(call.inbox, partial(attend, call), asked, call.now + SECONDS)
    if isinstance(answer, Unavailable):
        call.shared.failures.add(port, answer.why)
        raise NoMedia


def _tell(call: Call, what: str, to: str) -> None:
    """Tell of a feature code that was carried out; `FeatureSwitched` has what and to."""
    if call.events.switched.subscribers:
        call.events.switched.tell(FeatureSwitched(call.record, what, to, call.ms()))

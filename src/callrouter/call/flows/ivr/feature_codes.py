"""Feature codes: dialled numbers that switch presence and schedules (B3, B13)."""

from functools import partial

from callrouter.call.call import Call
from callrouter.call.flows.ivr.play_gather import attach, say
from callrouter.call.legs.reply import reply
from callrouter.call.services.shared_state import SECONDS
from callrouter.call.wait import NoMedia, attend
from callrouter.pending import Later, Unavailable
from callrouter.route.callers import telephone_numbers as numbers
from callrouter.route.values.media_steps import Feature

_SAYS = {"open": "override_open", "closed": "override_closed", "": "override_cleared"}


async def switch(call: Call, feature: Feature) -> None:
    """Switch it, and say so. Raises NoMedia when nobody can say so, or is to: it is not known to be
    switched. Over.
    """
    if feature.presence is not None:
        # The caller's own extension: who else is away is not for it to say.
        extension = numbers.plain(call.facts.caller)
        if extension not in call.dialplan.extensions:
            raise NoMedia
        presence = call.shared.presence
        if feature.presence:
            await _done(call, "presence", presence.leave(extension, feature.presence))
        else:
            await _done(call, "presence", presence.come_back(extension))
        call.switched(f"presence of {extension}", "away" if feature.presence else "back")
        said = "presence_away" if feature.presence else "presence_back"
    else:
        overrides = call.shared.overrides
        if feature.to:
            opens = feature.to == "open"
            await _done(call, "overrides", overrides.override(feature.schedule, opens, 0.0))
        else:
            await _done(call, "overrides", overrides.end(feature.schedule))
        call.switched(f"schedule {feature.schedule}", feature.to or "usual")
        said = _SAYS[feature.to]
    await attach(call, answer=True)
    await say(call, (said,))


async def _done(call: Call, port: str, asked: Later[bool]) -> None:
    """Wait until it is done; that it was so before is as good. Raises NoMedia, Over."""
    answer = await reply(call.inbox, partial(attend, call), asked, call.now + SECONDS)
    if isinstance(answer, Unavailable):
        call.shared.failures.add(port, answer.why)
        raise NoMedia

"""An announcement: somebody is rung, hears a prompt, and we hang up."""

from collections.abc import Callable, Sequence

from callrouter.call.call import NORMAL_CLEARING, Call
from callrouter.call.flows.hunt.hunt import Stopped, hunt
from callrouter.call.flows.ivr.play_gather import attach, say
from callrouter.call.flows.own_call import RungAlone, give_up
from callrouter.call.wait import NoMedia
from callrouter.route.values.plan import Hunt


async def announce(
    call: Call, wanted: Hunt, prompts: Sequence[str], heard: Callable[[], None]
) -> bool:
    """Ring somebody and play prompts. heard: called once they are over. Raises Over."""
    try:
        answered = await hunt(RungAlone(call, wanted))
    except Stopped:
        answered = None
    if answered is None:
        give_up(call)
    try:
        await attach(call, answer=True)
        await say(call, prompts)
        heard()
    except NoMedia:
        call.record.reason = "no_media"
    call.hung_up(None, NORMAL_CLEARING)
    call.hang_up()
    return True

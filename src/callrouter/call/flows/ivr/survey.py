"""The survey: a question for a caller whose callee has hung up (C9)."""

from callrouter.call.call import Call
from callrouter.call.flows.ivr.play_gather import attach, gather, say, speech_of
from callrouter.route.values.media_steps import Survey

_TRIES = 2


async def ask(call: Call, survey: Survey) -> None:
    """Ask, and keep the answer in the record. Raises NoMedia, Over."""
    await attach(call, answer=True)
    for _ in range(_TRIES):
        key = await gather(call, (survey.prompt,), survey.wait_seconds, 0.0, bool)
        if key and key in survey.keys:
            speech_of(call).note("survey", key)
            await say(call, (survey.thanks,))
            return
        if not key:
            return

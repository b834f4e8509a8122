"""Refusals as a number answers them: its own words, else those for all numbers, else the usual."""

from collections.abc import Mapping
from typing import Final

from callrouter.dialplan.grammar.call_screening import NumberReasons, Reason
from callrouter.route.values.plan import Refusal
from callrouter.route.values.q850_causes import cause_of
from callrouter.route.values.refusal_reasons import NO_TARGET_LEFT, USUAL


class Refusals:
    """The refusals of all numbers, or of one.

    left: for when nobody answered; None to relay what the last target answered, and its status 0 to
    relay that with words of the dialplan's own.
    """

    def __init__(self, known: Mapping[str, Refusal], left: Refusal | None) -> None:
        self.known = known
        self.left = left
        self._final: dict[int, Refusal] = {}

    def own(self, entry: NumberReasons) -> "Refusals":
        """Return those of a number, or of all numbers, that says how it wants them."""
        known = dict(self.known)
        left = self.left
        for reason in type(entry).model_fields:
            said = getattr(entry, reason)
            if said is not None:
                known[reason] = _said(known[reason], said)
                if reason == NO_TARGET_LEFT:
                    left = _said(left or _RELAYED, said)
        return Refusals(known, left)

    def final(self, status: int) -> Refusal:
        """Return the answer of a route that has this `final`."""
        known = self._final.get(status)
        if known is None:
            prompt = self.known[NO_TARGET_LEFT].prompt
            known = Refusal(
                reason=NO_TARGET_LEFT, status=status, cause=cause_of(status), prompt=prompt
            )
            self._final[status] = known
        return known


_RELAYED: Final = Refusal(reason=NO_TARGET_LEFT, status=0, cause=0)
USUAL_REFUSALS = Refusals(USUAL, None)


def _said(usual: Refusal, said: Reason) -> Refusal:
    status = usual.status if said.status is None else said.status
    cause = said.cause or (usual.cause if said.status is None else cause_of(status))
    prompt = usual.prompt if said.prompt is None else said.prompt
    return Refusal(reason=usual.reason, status=status, cause=cause, prompt=prompt)

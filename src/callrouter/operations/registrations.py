"""Registrations, as operators ask for them: telephones with us, and ours with gateways."""

from itertools import islice
from typing import Any

from callrouter.operations.requests import MOST
from callrouter.register.gateway_registrations import Registrations
from callrouter.state.memory import Memory


def answer(memory: Memory, registrations: Registrations) -> dict[str, Any]:
    """List both. left: seconds to the expiry."""
    now = memory.clock.now()
    bindings = memory.bindings
    phones = (
        {
            "extension": extension,
            "contact": binding.uri,
            "source": f"{binding.place[0].lower()}:{binding.place[3]}:{binding.place[4]}",
            "left": int(binding.expires - now),
            "reachable": binding.reachable,
            "agent": binding.agent,
        }
        for extension, binding in bindings.all()
        if binding.expires > now
    )
    return {
        "phones": list(islice(phones, MOST)),
        "all": bindings.count,
        "gateways": [
            {
                "gateway": it.account.gateway,
                "address": f"sip:{it.account.user}@{it.account.domain}",
                "state": it.standing,
                "left": int(it.left),
                "why": it.why,
            }
            for it in islice(registrations.all(), MOST)
        ],
    }

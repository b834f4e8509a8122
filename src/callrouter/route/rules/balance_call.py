"""A call to the owner of an account whose balance is low, as compiled."""

from dataclasses import dataclass

from callrouter.route.rules.outbound_lines import OutboundLine
from callrouter.serializable import Serializable


@dataclass(slots=True, kw_only=True)
class BalanceCall(Serializable):
    """Who is called. number: as it is dialled. way: by which, and what is shown. prompt: played."""

    name: str
    account: str
    number: str
    way: OutboundLine
    prompt: str

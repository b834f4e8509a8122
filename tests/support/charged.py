"""Records of calls that cost something, and the rate plans that they are charged by."""

from functools import cache
from typing import Final

from callrouter.call.services.record import CallRecord
from callrouter.dialplan.compile.rate_plan_builder import compile_rate_plans
from callrouter.rating.rate_plan import RatePlans
from callrouter.yamlfile.reader import parse
from support.observed import answered

PLANS: Final = """\
country: CN
timezone: Asia/Shanghai
plans:
  toll_free:
    currency: CNY
    blocks: 60/60
    price: 0.30/min
    unanswered: {price: 0.06/min}
    forwarded: outbound
  outbound:
    currency: CNY
    blocks: 60/60
    price: 3/min
    rates: [{prefixes: ["+86"], price: 0.15/min}]
  dear: {currency: CNY, blocks: 1/1, price: 1/s, fee: 2}
"""


@cache
def rate_plans(text: str = PLANS) -> RatePlans:
    """The plans of a file."""
    return compile_rate_plans(parse(text, "plans.yaml"))


def toll_free_call(id: str = "0001", started: float = 1_700_000_000.0) -> CallRecord:
    """A caller hears 50 s of greeting and talks for 61 s with somebody's mobile."""
    record = answered(id, started)
    record.called_number = "+864008001234"
    record.rate_plan = "toll_free"
    record.rate_plans = rate_plans()
    record.answered_ms, record.ended_ms = 1000, 112_000
    (leg,) = record.legs
    leg.uri, leg.gateway = "sip:013800138000@192.0.2.1", "carrier_a"
    leg.answered_ms, leg.ended_ms = 51_000, 112_000
    return record

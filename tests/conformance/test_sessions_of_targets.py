"""Sessions at the worker of targets that have to confirm: as many as ring, and no more."""

from support.message import SDP
from table import CALLER, DESK, OTHER, Table

from callrouter.errors import SipError
from callrouter.simulate.virtual_workers import SLOTS
from callrouter.sip.flow import Flow

PLAN = """
country: CN
trunks: {lab: {addresses: [192.0.2.1/32]}}
targets:
  desk: {uri: "sip:desk@192.0.2.3:5060"}
  other: {uri: "sip:other@192.0.2.4:5060"}
numbers:
  "4000": {route: [{hunt: [other, desk], ring: 20s, confirm: "1"}]}
"""


def test_session_of_a_target_that_cannot_be_sent_to_is_there_for_the_next() -> None:
    table = Table(PLAN)
    pool = table.with_workers()
    connect = table.ours._connect

    def no_way_to_other(transport: str, host: str, port: int, name: str) -> Flow:
        if host == OTHER[0]:
            raise SipError("no listener reaches it", 503)
        return connect(transport, host, port, name)

    table.ours._connect = no_way_to_other
    caller, desk = table.party(CALLER), table.party(DESK)
    caller.invite("4000", SDP)
    invite = desk.hears("INVITE")
    assert SLOTS - pool.worker.free == 1  # the desk's
    desk.reply(invite, 486)
    desk.hears("ACK")
    (refusal,) = [message for message in caller.rest() if message.status >= 300]
    caller.ack_refusal(refusal)
    table.is_clear()
    assert pool.worker.free == SLOTS

"""A callee transfers a caller blindly whose media is at the worker (RFC 3515, RFC 5589)."""

from pathlib import Path

import pytest
from support.message import Message
from table import CALLER, DESK, OTHER, Party, Table, hang_up

from callrouter.simulate.virtual_workers import WORKER_HOST, VirtualPool
from callrouter.sip.sdp import parse_sdp

DIALPLANS = Path(__file__).parents[2] / "dialplans"
DIALPLAN = """
country: CN
trunks: {lab: {addresses: [192.0.2.1/32%s]%s}}
targets:
  desk: {uri: "sip:desk@192.0.2.3:5060"}
  other: {uri: "sip:other@192.0.2.4:5060"}
hold_music: {music: lab-music.wav}
numbers:
  "4000": {record: {start: request, notice: false}, route: [{hunt: [desk], ring: 60s}]}
  "4001": {route: [{hunt: [other], ring: 60s}]}
  "4002": {hold_music: music, route: [{hunt: [desk], ring: 60s}]}
  "4003": {record: {start: request, notice: false}, route: [{hunt: [other], ring: 60s}]}
"""


def said(host: int, version: int = 1, *, codec: int = 0, direction: str = "sendrecv") -> str:
    """A description of a party. host: the end of its address."""
    return (
        f"v=0\r\no=p {host} {version} IN IP4 192.0.2.{host}\r\ns=-\r\nc=IN IP4 192.0.2.{host}\r\n"
        f"t=0 0\r\nm=audio 4000 RTP/AVP {codec}\r\na={direction}\r\n"
    )


class Stage:
    """A caller and a desk that talk through the worker, and another one."""

    def __init__(
        self,
        monkeypatch: pytest.MonkeyPatch,
        number: str = "4000",
        keys: str = "",
        addresses: str = "",
    ) -> None:
        monkeypatch.chdir(DIALPLANS)  # where the music is
        self.table = Table(DIALPLAN % (addresses, keys))
        self.pool: VirtualPool = self.table.with_workers()
        self.caller, self.desk, self.other = map(self.table.party, (CALLER, DESK, OTHER))
        self.caller.invite(number, said(1))
        self.caller.hears(183)
        invite = self.desk.hears("INVITE")
        self.desk.reply(invite, 200, said(3))
        self.desk.hears("ACK")
        self.caller.ack(self.caller.hears(200))
        self.bridged = self.heard_by()

    def refer(self, number: str = "4001") -> None:
        """The desk asks for somebody else, and hears that it is tried."""
        self.desk.request("REFER", "", ("Refer-To", f"<sip:{number}@192.0.2.2>"))
        self.desk.hears(202)
        assert self.told().body.startswith("SIP/2.0 100")

    def told(self) -> Message:
        """What the desk is told."""
        told = self.desk.hears("NOTIFY")
        self.desk.reply(told, 200)
        return told

    def rung(self) -> Message:
        """The other one rings."""
        invite = self.other.hears("INVITE")
        (media,) = parse_sdp(invite.body.encode()).media
        assert (media.host, media.direction) == (WORKER_HOST, "sendrecv")
        self.other.reply(invite, 180)
        return invite

    def moved(self, invite: Message) -> None:
        """The other one answers, and talks to the caller, who is asked nothing."""
        self.other.reply(invite, 200, said(4))
        self.other.hears("ACK")
        assert self.heard_by() == ["192.0.2.1", "192.0.2.4"]
        assert self.caller.got("INVITE") == []

    def heard_by(self) -> list[str]:
        """Where the two whom the worker bridges have their media."""
        (slots,) = self.pool.worker.held
        (names,) = slots.bridged
        places = [slots.sessions[name].audio for name in names]
        return sorted(audio.host for audio in places if audio is not None)

    def over(self, callee: Party) -> None:
        hang_up(self.caller, callee)
        self.table.is_clear()
        assert not self.pool.worker.held


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    return Stage(monkeypatch)


def test_new_target_takes_the_callees_place_at_the_worker(stage: Stage) -> None:
    assert stage.bridged == ["192.0.2.1", "192.0.2.3"]
    stage.refer()
    invite = stage.rung()
    assert stage.heard_by() == ["192.0.2.1", "192.0.2.3"]
    stage.moved(invite)
    final = stage.told()
    assert final.body.startswith("SIP/2.0 200")
    assert final["Subscription-State"].startswith("terminated")
    stage.desk.reply(stage.desk.hears("BYE"), 200)
    # It is a call like any other: either side may change its session, and hang up.
    stage.other.request("INVITE", said(4, 2, direction="sendonly"))
    answer = stage.other.hears(200)
    assert parse_sdp(answer.body.encode()).media[0].direction == "recvonly"
    stage.other.ack(answer)
    stage.other.request("BYE")
    stage.other.hears(200)
    stage.caller.reply(stage.caller.hears("BYE"), 200)
    stage.table.is_clear()
    (record,) = stage.table.router.noted.ended
    assert [(leg.target, leg.result, leg.cause) for leg in record.legs] == [
        ("desk", "answered", 16),
        ("other", "answered", 16),
    ]
    assert record.hung_up_by == "callee"


def test_new_target_may_transfer_the_caller_on(stage: Stage) -> None:
    stage.refer()
    stage.moved(stage.rung())
    stage.told()
    stage.desk.reply(stage.desk.hears("BYE"), 200)
    stage.other.request("REFER", "", ("Refer-To", "<sip:4000@192.0.2.2>"))
    stage.other.hears(202)
    stage.other.reply(stage.other.hears("NOTIFY"), 200)
    again = stage.desk.hears("INVITE")
    stage.desk.reply(again, 200, said(3))
    stage.desk.hears("ACK")
    assert stage.heard_by() == ["192.0.2.1", "192.0.2.3"]
    stage.other.reply(stage.other.hears("NOTIFY"), 200)
    stage.other.reply(stage.other.hears("BYE"), 200)
    stage.over(stage.desk)


@pytest.mark.parametrize("status", [486, 503, 603])
def test_target_that_refuses_leaves_the_call_as_it_was(stage: Stage, status: int) -> None:
    stage.refer()
    stage.other.reply(stage.rung(), status)
    stage.other.hears("ACK")
    assert stage.told().body.startswith(f"SIP/2.0 {status}")
    assert stage.heard_by() == ["192.0.2.1", "192.0.2.3"]
    stage.over(stage.desk)


@pytest.mark.parametrize("body", [said(4, codec=18), "rubbish"])
def test_target_that_the_worker_cannot_talk_to_is_hung_up_on(stage: Stage, body: str) -> None:
    stage.refer()
    stage.other.reply(stage.rung(), 200, body)
    stage.other.hears("ACK")
    stage.other.reply(stage.other.hears("BYE"), 200)
    assert stage.told().body.startswith("SIP/2.0 488")
    assert stage.heard_by() == ["192.0.2.1", "192.0.2.3"]
    stage.over(stage.desk)


@pytest.mark.parametrize("taken", [True, False])
def test_who_asked_may_hang_up_at_once(stage: Stage, taken: bool) -> None:
    stage.refer()
    invite = stage.rung()
    stage.desk.request("BYE")
    stage.desk.hears(200)
    if taken:
        stage.moved(invite)
        stage.over(stage.other)
        return
    stage.other.reply(invite, 486)
    stage.other.hears("ACK")
    stage.caller.reply(stage.caller.hears("BYE"), 200)
    stage.table.is_clear()
    (record,) = stage.table.router.noted.ended
    assert record.hung_up_by == "callee"


def test_caller_who_hangs_up_meanwhile_ends_all_of_it(stage: Stage) -> None:
    stage.refer()
    invite = stage.rung()
    stage.caller.request("BYE")
    stage.caller.hears(200)
    stage.other.reply(stage.other.hears("CANCEL"), 200)
    stage.other.reply(invite, 487)
    stage.desk.reply(stage.desk.hears("BYE"), 200)
    stage.table.is_clear()


def test_loss_of_the_worker_meanwhile_leaves_the_two_end_to_end(stage: Stage) -> None:
    stage.refer()
    invite = stage.rung()
    stage.pool.lose()
    # The worker said nothing more on the wire; the next thing that happens shows it.
    stage.other.reply(stage.other.hears("CANCEL"), 200)
    stage.other.reply(invite, 487)
    assert stage.told().body.startswith("SIP/2.0 503")
    asked = stage.desk.hears("INVITE")
    assert "c=IN IP4 192.0.2.1" in asked.body
    stage.desk.reply(asked, 200, said(3, 2))
    stage.desk.hears("ACK")
    asked = stage.caller.hears("INVITE")
    assert "c=IN IP4 192.0.2.3" in asked.body
    stage.caller.reply(asked, 200, said(1, 2))
    stage.caller.hears("ACK")
    stage.table.wait(1.0)
    hang_up(stage.caller, stage.desk)
    stage.table.is_clear()


def test_caller_on_hold_hears_music_until_the_new_target_is_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stage = Stage(monkeypatch, "4002")
    stage.desk.request("INVITE", said(3, 2, direction="sendonly"))
    stage.desk.ack(stage.desk.hears(200))
    (slots,) = stage.pool.worker.held
    assert slots.bridged == set()
    stage.refer()
    invite = stage.rung()
    assert slots.bridged == set()
    stage.moved(invite)
    stage.told()
    stage.desk.reply(stage.desk.hears("BYE"), 200)
    stage.over(stage.other)


def test_key_of_the_new_target_goes_to_the_caller(stage: Stage) -> None:
    stage.refer()
    stage.moved(stage.rung())
    stage.told()
    stage.desk.reply(stage.desk.hears("BYE"), 200)
    stage.other.request("INFO", "Signal=5\r\n", ("Content-Type", "application/dtmf-relay"))
    assert stage.other.hears(200).method == "INFO"
    crossed = stage.caller.hears("INFO")
    assert "Signal=5" in crossed.body
    stage.caller.reply(crossed, 200)
    stage.over(stage.other)


@pytest.mark.parametrize("keys", ["", ", transfer: both"])
def test_callers_own_transfers_are_refused(monkeypatch: pytest.MonkeyPatch, keys: str) -> None:
    stage = Stage(monkeypatch, keys=keys)
    stage.caller.request("REFER", "", ("Refer-To", "<sip:4001@192.0.2.2>"))
    assert stage.caller.hears(603).method == "REFER"
    assert stage.heard_by() == ["192.0.2.1", "192.0.2.3"]
    stage.over(stage.desk)


@pytest.mark.parametrize("replaces", ["", "?Replaces=x%3Bto-tag%3Da%3Bfrom-tag%3Db"])
def test_who_may_not_transfer_is_refused(monkeypatch: pytest.MonkeyPatch, replaces: str) -> None:
    stage = Stage(monkeypatch, keys=", transfer: none")
    stage.desk.request("REFER", "", ("Refer-To", f"<sip:4000@192.0.2.2{replaces}>"))
    assert stage.desk.hears(603).method == "REFER"
    assert stage.heard_by() == ["192.0.2.1", "192.0.2.3"]
    stage.over(stage.desk)


def test_number_that_nobody_knows_is_404(stage: Stage) -> None:
    stage.refer("4999")
    assert stage.told().body.startswith("SIP/2.0 404")
    stage.over(stage.desk)


def test_callee_of_a_caller_who_was_greeted_is_described_to_the_new_target_as_it_is() -> None:
    # The caller leaves, so that what it described before it was connected is of no use any more.
    text = DIALPLAN.replace("hold_music: {music: lab-music.wav}\n", "").replace(
        "hold_music: music, route: [{hunt", "route: [{greet: {prompts: ok, answer: true}, hunt"
    )
    table = Table(
        (text + "prompts: {ok: {tone: {hertz: 440, for: 500ms}}}\n") % ("", ", transfer: both")
    )
    table.with_workers()
    caller, desk, other = map(table.party, (CALLER, DESK, OTHER))
    caller.invite("4002", said(1))
    caller.ack(caller.hears(200))
    invite = desk.hears("INVITE")
    desk.reply(invite, 200, said(3))
    desk.hears("ACK")
    asked = caller.hears("INVITE")
    caller.reply(asked, 200, said(1, 2))
    caller.hears("ACK")
    caller.request("REFER", "", ("Refer-To", "<sip:4001@192.0.2.2>"))
    caller.hears(202)
    caller.reply(caller.hears("NOTIFY"), 200)
    invite = other.hears("INVITE")
    assert "c=IN IP4 192.0.2.3" in invite.body
    other.reply(invite, 200, said(4))
    other.hears("ACK")
    asked = desk.hears("INVITE")
    assert "c=IN IP4 192.0.2.4" in asked.body
    desk.reply(asked, 200, said(3))
    desk.hears("ACK")
    caller.reply(caller.hears("NOTIFY"), 200)
    caller.reply(caller.hears("BYE"), 200)
    hang_up(desk, other)
    table.is_clear()

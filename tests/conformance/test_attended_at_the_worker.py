"""A callee whose media is at the worker connects the caller with whom it called (RFC 5589 7)."""

from urllib.parse import quote

import pytest
from support.message import Message
from table import STREAM, Party, hang_up
from test_transfers_at_the_worker import Stage, said

from callrouter.simulate.virtual_workers import WORKER_HOST
from callrouter.sip.sdp import parse_sdp


class Consulting(Stage):
    """The desk has called the other one by its second line."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, number: str = "4001") -> None:
        super().__init__(monkeypatch, addresses=", 192.0.2.3/32, 192.0.2.5/32")
        self.line: Party = self.table.party(STREAM)
        self.line.invite(number, said(5))
        if number != "4001":
            self.line.hears(183)
        invite = self.other.hears("INVITE")
        self.other.reply(invite, 200, said(4))
        self.other.hears("ACK")
        self.line.ack(self.line.hears(200))

    def join(self, wrong: str = "") -> None:
        """The desk asks that both be connected."""
        line = self.line
        tags = [tag.partition(";tag=")[2] for tag in (line.remote, line.local)]
        named = f"{line.call_id};to-tag={tags[0]}{wrong};from-tag={tags[1]}"
        goal = f"<sip:4001@192.0.2.2?Replaces={quote(named, safe='')}>"
        self.desk.request("REFER", "", ("Refer-To", goal))
        self.desk.hears(202)
        assert self.told().body.startswith("SIP/2.0 100")

    def offered(self) -> Message:
        """The other one is offered the desk's place at the worker."""
        asked = self.other.hears("INVITE")
        (media,) = parse_sdp(asked.body.encode()).media
        assert (media.host, media.direction) == (WORKER_HOST, "sendrecv")
        return asked

    def joined(self, asked: Message) -> None:
        """The other one takes it, and the caller is asked nothing."""
        self.other.reply(asked, 200, said(4, 2))
        self.other.hears("ACK")
        assert self.heard_by() == ["192.0.2.1", "192.0.2.4"]
        assert self.caller.got("INVITE") == []

    def other_leaves(self, asked: Message) -> None:
        """The other one is hung up on before it has answered what it was offered."""
        self.other.reply(self.other.hears("BYE"), 200)
        self.other.reply(asked, 200, said(4, 2))
        self.other.hears("ACK")

    def line_leaves(self) -> None:
        """Nobody is there on the second line any more."""
        self.line.reply(self.line.hears("BYE"), 200)


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Consulting:
    return Consulting(monkeypatch)


def test_who_was_consulted_takes_the_callees_place_at_the_worker(stage: Consulting) -> None:
    stage.join()
    stage.joined(stage.offered())
    final = stage.told()
    assert final.body.startswith("SIP/2.0 200")
    assert final["Subscription-State"].startswith("terminated")
    stage.desk.reply(stage.desk.hears("BYE"), 200)
    stage.line_leaves()
    # It is a call like any other: either side may change its session, and transfer it on.
    stage.other.request("INVITE", said(4, 3, direction="sendonly"))
    answer = stage.other.hears(200)
    assert parse_sdp(answer.body.encode()).media[0].direction == "recvonly"
    stage.other.ack(answer)
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
    asked, record = stage.table.router.noted.ended
    assert [leg.target for leg in asked.legs] == ["other"]
    assert [(leg.target, leg.result, leg.extension, leg.cause) for leg in record.legs] == [
        ("desk", "answered", "", 16),
        ("transferred", "answered", "other", 16),
        ("desk", "answered", "", 16),
    ]
    assert record.legs[0].ended_ms == record.legs[1].answered_ms
    assert record.hung_up_by == "caller"


def test_who_was_consulted_through_the_worker_is_taken_from_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stage = Consulting(monkeypatch, "4003")
    assert len(stage.pool.worker.held) == 2
    before = stage.other.got("INVITE")[0]
    stage.join()
    asked = stage.offered()
    origins = [message.body.split("\r\n")[1].split(" ") for message in (before, asked)]
    # It is the same session as before, with another version (RFC 3264 section 8).
    assert origins[0][:2] == origins[1][:2]
    assert int(origins[1][2]) == int(origins[0][2]) + 1
    stage.joined(asked)
    stage.told()
    stage.desk.reply(stage.desk.hears("BYE"), 200)
    stage.line_leaves()
    stage.over(stage.other)
    taken, record = stage.table.router.noted.ended
    assert [(leg.target, leg.cause) for leg in taken.legs] == [("other", 16)]
    assert [leg.target for leg in record.legs] == ["desk", "transferred"]


def test_who_was_consulted_and_takes_no_offer_is_hung_up_on(stage: Consulting) -> None:
    stage.join()
    stage.other.reply(stage.offered(), 488)
    stage.other.hears("ACK")
    stage.other.reply(stage.other.hears("BYE"), 200)
    assert stage.told().body.startswith("SIP/2.0 488")
    assert stage.heard_by() == ["192.0.2.1", "192.0.2.3"]
    stage.line_leaves()
    stage.over(stage.desk)


def test_replaces_of_no_dialog_is_481_and_both_calls_go_on(stage: Consulting) -> None:
    stage.join(wrong="0")
    assert stage.told().body.startswith("SIP/2.0 481")
    assert stage.heard_by() == ["192.0.2.1", "192.0.2.3"]
    hang_up(stage.line, stage.other)
    stage.over(stage.desk)


@pytest.mark.parametrize("taken", [True, False])
def test_who_joins_them_may_hang_up_at_once(stage: Consulting, taken: bool) -> None:
    stage.join()
    asked = stage.offered()
    stage.desk.request("BYE")
    stage.desk.hears(200)
    if taken:
        stage.joined(asked)
        stage.line_leaves()
        stage.over(stage.other)
        return
    stage.other.reply(asked, 488)
    stage.other.hears("ACK")
    stage.other.reply(stage.other.hears("BYE"), 200)
    stage.caller.reply(stage.caller.hears("BYE"), 200)
    stage.line_leaves()
    stage.table.is_clear()


@pytest.mark.parametrize("who", ["caller", "other"])
def test_who_hangs_up_while_they_are_joined_leaves_nobody_behind(
    stage: Consulting, who: str
) -> None:
    stage.join()
    asked = stage.offered()
    leaving, left = (stage.caller, stage.desk) if who == "caller" else (stage.other, None)
    leaving.request("BYE")
    leaving.hears(200)
    if left is None:
        assert stage.told().body.startswith("SIP/2.0 488")
        stage.line_leaves()
        stage.over(stage.desk)
        return
    left.reply(left.hears("BYE"), 200)
    stage.other_leaves(asked)
    stage.line_leaves()
    stage.table.is_clear()


def test_loss_of_the_worker_while_they_are_joined_leaves_the_two_end_to_end(
    stage: Consulting,
) -> None:
    stage.join()
    asked = stage.offered()
    stage.pool.lose()
    stage.other_leaves(asked)
    assert stage.told().body.startswith("SIP/2.0 503")
    again = stage.desk.hears("INVITE")
    assert "c=IN IP4 192.0.2.1" in again.body
    stage.desk.reply(again, 200, said(3, 2))
    stage.desk.hears("ACK")
    again = stage.caller.hears("INVITE")
    stage.caller.reply(again, 200, said(1, 2))
    stage.caller.hears("ACK")
    stage.line_leaves()
    hang_up(stage.caller, stage.desk)
    stage.table.is_clear()

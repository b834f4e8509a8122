"""What reaches a worker from outside, as bad as can be: SDP, SIP, RTP; and what it may do."""

import asyncio
import os
import random
import re
import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.message import SDP, Message
from support.polling import PATIENCE
from support.rtp_callers import Callers
from support.softphone import Softphone
from support.workers import Nursery, WorkerAtWork

pytestmark = pytest.mark.asyncio(loop_scope="session")


_MEDIA_LINES = 12
_NOBODY = 65534


class Dialog:
    """A call to a session by bare datagrams, for what no phone would send."""

    def __init__(self, worker: WorkerAtWork, session: str) -> None:
        self.wire = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.wire.bind(("127.0.0.1", 0))
        self.wire.setblocking(False)
        self._address = ("127.0.0.1", worker.port)
        self._uri = worker.uri(session)
        self._here = f"127.0.0.1:{self.wire.getsockname()[1]}"
        self._tag = ""
        self._cseq = 0

    def send(self, method: str, body: bytes = b"", branch: str = "") -> None:
        """Send a request of the call. branch: what tells its transaction from the others."""
        self._cseq += method != "ACK"
        branch = f"z9hG4bK{self._here}{self._cseq}{branch or method}"
        rows = [
            (
                "Via",
                f"SIP/2.0/UDP {self._here};rport;branch={branch}",
            ),
            ("Max-Forwards", "70"),
            ("From", "<sip:a@127.0.0.1>;tag=a"),
            ("To", f"<{self._uri}>" + (f";tag={self._tag}" if self._tag else "")),
            ("Call-ID", self._here),
            ("CSeq", f"{self._cseq} {method}"),
            ("Contact", f"<sip:a@{self._here}>"),
            *([("Content-Type", "application/sdp")] if body else []),
            ("Content-Length", str(len(body))),
        ]
        head = f"{method} {self._uri} SIP/2.0\r\n" + "".join(f"{n}: {v}\r\n" for n, v in rows)
        self.wire.sendto(head.encode() + b"\r\n" + body, self._address)

    async def final(self) -> Message:
        """The final response to the last request."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(PATIENCE):
            while True:
                data = await loop.sock_recv(self.wire, 65536)
                if not data.startswith(b"SIP/2.0 "):
                    continue
                message = Message.parse(data)
                if message.status >= 200 and message.cseq == self._cseq:
                    self._tag = message.tag("To")
                    return message

    async def invite(self, body: bytes) -> Message:
        """Offer something; every answer gets its ACK."""
        self.send("INVITE", body)
        answer = await self.final()
        # RFC 3261 section 17.1.1.3: that of a refusal belongs to the INVITE's transaction.
        self.send("ACK", branch="" if answer.status < 300 else "INVITE")
        return answer


def rubbish(seed: int) -> Iterator[bytes]:
    """Session descriptions that are damaged, each in its own way (RFC 8866)."""
    dice = random.Random(seed)
    lines = SDP.splitlines()
    more = [
        *("a=ptime:65535", "a=ptime:0", "a=maxptime:-1", "a=rtpmap:0 PCMU/0", "a=rtpmap:0 /"),
        *("a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-16", "a=fmtp:101 ;;=,", "a=inactive"),
        *("m=audio 1 RTP/AVP 0", "m=audio 0 RTP/AVP 0", "m=video 9 RTP/AVP 96", "m=", "m=a 1 b c"),
        *("c=IN IP4 0.0.0.0", "c=IN IP6 ::1", "c=", "a=crypto:1 X inline:", "a=candidate:1 1 U"),
        *("a=rtcp:65536", "a=rtcp-mux", "b=AS:99999999999", "m=audio 5 RTP/SAVP 0", "a=mid:"),
        "m=audio 40000 RTP/AVP " + " ".join(map(str, range(200))),
    ]
    while True:
        taken = [*lines]
        for _ in range(dice.randint(1, 6)):
            at = dice.randrange(len(taken) + 1)
            match dice.randrange(5):
                case 0:
                    taken.insert(at, dice.choice(more))
                case 1:
                    taken[at:] = [dice.choice(more), *taken[at:]] * dice.randint(1, 4)
                case 2:
                    del taken[at : at + 1]
                case 3:
                    taken[at : at + 1] = [str(dice.getrandbits(64))]
                case _:
                    taken.append(dice.choice(lines)[: dice.randint(0, 30)])
        body = bytearray("\r\n".join(taken)[:4000].encode())
        for _ in range(dice.choice((0, 0, 0, 1, 5))):
            if body:
                body[dice.randrange(len(body))] = dice.randrange(256)
        # Past 16 PJSIP 2.15.1 writes where it may not (its issue 4998). No stranger's media line
        # reaches a worker: callrouter writes the one there is.
        if body.count(b"m=") <= _MEDIA_LINES:
            yield bytes(body)


def ours(seed: int) -> Iterator[bytes]:
    """What callrouter itself writes towards a worker, with all that varies in it."""
    dice = random.Random(seed)
    while True:
        first, second = dice.choice(((0, 8), (8, 0)))
        events = dice.randint(96, 127)
        yield (
            f"v=0\r\no=- {dice.getrandbits(31)} {dice.getrandbits(31)} IN IP4 127.0.0.1\r\ns=-\r\n"
            f"c=IN IP4 127.0.0.{dice.randint(1, 254)}\r\nt=0 0\r\n"
            f"m=audio {dice.randrange(1024, 65536, 2)} RTP/AVP {first} {second} {events}\r\n"
            f"a=rtpmap:{events} telephone-event/8000\r\na=fmtp:{events} 0-15\r\na=ptime:20\r\n"
            f"a={dice.choice(('sendrecv', 'sendonly', 'recvonly', 'inactive'))}\r\n"
        ).encode()


async def offered(worker: WorkerAtWork, bodies: Iterator[bytes], count: int) -> int:
    """Offer so many bodies in one call, dialled anew when it does not survive one; the 2xx."""
    dialog: Dialog | None = None
    answered = 0
    for _ in range(count):
        if dialog is None:
            session = await worker.open()
            dialog = Dialog(worker, session)
            assert (await dialog.invite(SDP.encode())).status == 200
        answer = await dialog.invite(next(bodies))
        answered += answer.status < 300
        if answer.status in {408, 481}:
            dialog.wire.close()
            dialog = None
            await worker.report("closed", session)
    if dialog is not None:
        dialog.send("BYE")
        await dialog.final()
        dialog.wire.close()
        await worker.report("closed", session)
    return answered


async def test_all_that_we_may_offer_is_answered(worker: WorkerAtWork, full: bool) -> None:
    count = 20_000 if full else 300
    assert await offered(worker, ours(1), count) == count


async def test_damaged_offers_end_no_worker(worker: WorkerAtWork, full: bool) -> None:
    count = 100_000 if full else 1_000
    answered = await offered(worker, rubbish(1), count)
    assert 0 < answered < count


async def test_rubbish_at_its_sip_port_ends_no_worker(
    worker: WorkerAtWork, phone: Softphone, full: bool
) -> None:
    dice = random.Random(1)
    folder = Path(__file__).parents[1] / "data" / "rfc4475"
    torture = [path.read_bytes() for path in sorted(folder.glob("*.dat"))]
    # None of them is an INVITE that could be taken: each of those costs PJSIP two sockets.
    torture = [data for data in torture if not data.startswith(b"INVITE")]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
        for number in range(100_000 if full else 3_000):
            data = bytearray(dice.choice(torture))
            for _ in range(dice.randrange(6)):
                data[dice.randrange(len(data))] = dice.randrange(256)
            if number % 3 == 0:
                data = bytearray(dice.randbytes(dice.randint(0, 1400)))
            wire.sendto(data, ("127.0.0.1", worker.port))
            if number % 100 == 0:
                await worker.command("stop", "nobody")
    await worker.dial(phone)
    await phone.hang_up()


async def test_a_flood_of_rubbish_rtp_costs_no_worker_and_little_of_its_time(
    worker: WorkerAtWork, full: bool
) -> None:
    """At the ports of calls that stand, begin and end; from strangers and from the caller."""
    dice = random.Random(2)
    rubbish = [dice.randbytes(dice.randint(0, 300)) for _ in range(500)]
    heads = [
        b"\x80\x00",
        b"\x80\x80",
        b"\x80\x08",
        b"\x80\x78",
        b"\x80\xc8",
        b"\xa0\xc9",
        b"\x8f\x00",
    ]
    rubbish += [dice.choice(heads) + dice.randbytes(dice.randint(0, 300)) for _ in range(1500)]
    ends = asyncio.Event()
    sent, enough = 0, 10_000 * (60 if full else 3)

    async def flood(ports: range) -> None:
        nonlocal sent
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
            wire.setblocking(False)
            began = time.monotonic()
            while not ends.is_set():
                # 20,000 a second, in handfuls.
                while sent < (time.monotonic() - began) * 20_000:
                    wire.sendto(dice.choice(rubbish), ("127.0.0.1", dice.choice(ports)))
                    sent += 1
                await asyncio.sleep(0.001)  # the pace is what is tested

    flooding = asyncio.create_task(flood(worker.rtp))
    callers = await Callers.open(worker.port)
    until = time.monotonic() + (60 if full else 3)
    while time.monotonic() < until or sent < enough:
        session = await worker.open(inband=True)
        call = callers.call(session)
        await call.answered.wait()
        await worker.do("tone", session, hertz=400, seconds=0.1)
        for data in dice.sample(rubbish, 200):
            call.line.send(data)
        await worker.report("played", session)
        call.hang_up()
        await call.over.wait()
        await worker.report("closed", session)
    callers.close()
    ends.set()
    await flooding


async def test_it_works_as_another_user_with_nothing_inherited(
    nursery: Nursery, phone: Softphone
) -> None:
    if os.getuid() != 0:
        pytest.skip("only root can be somebody else")
    worker = await nursery.spawn(user=[_NOBODY, _NOBODY], files=64)
    confined(Path("/proc", str(worker.pid)))
    with tempfile.TemporaryDirectory() as folder:
        os.chown(folder, _NOBODY, _NOBODY)
        file = Path(folder, "taken.wav")
        session = await worker.dial(phone)
        await worker.record(session, file)
        await worker.do("tone", session, hertz=400, seconds=0.2)
        await worker.report("played", session)
        await phone.hang_up()
        assert (await worker.report("recorded", session))["complete"]
        taken = os.stat(file)
        assert (taken.st_uid, taken.st_gid, taken.st_mode & 0o777) == (_NOBODY, _NOBODY, 0o640)
    await worker.command("quit")
    assert await nursery.exited(worker) == 0
    await worker.close()


def confined(process: Path) -> None:
    """The kernel says that it is nobody, and may little."""
    status = (process / "status").read_text(encoding="ascii")
    fields = {
        name: rest.strip() for name, _, rest in (x.partition(":") for x in status.split("\n"))
    }
    assert fields["Uid"].split() == [str(_NOBODY)] * 4
    assert fields["Gid"].split() == [str(_NOBODY)] * 4
    assert fields["Groups"] == ""
    assert fields["CapEff"] == "0000000000000000"
    assert fields["NoNewPrivs"] == "1"
    assert fields["Umask"] == "0077"
    limits = (process / "limits").read_text(encoding="ascii")
    assert re.search(r"Max open files\s+64\s+64", limits)
    assert re.search(rf"Max data size\s+{1 << 30}\s+{1 << 30}", limits)
    assert re.search(r"Max core file size\s+0\s+0", limits)
    links = [os.readlink(path) for path in (process / "fd").iterdir()]
    # Its channel, and PJSIP's own socket; nothing of the nursery's.
    assert sum(link.startswith("socket:") for link in links) == 2
    assert not any("pidfd" in link or "eventpoll" in link for link in links)

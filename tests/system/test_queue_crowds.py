"""Crowds in queues over real SIP: telephones that die, are away or answer late, and many who wait.

Nobody has media here, so who waits hears that it rings.
"""

import asyncio
import itertools
import json
import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from support.message import Message
from support.phone import token
from support.phones import Phones
from support.polling import PATIENCE, until
from support.ports import free_port
from support.programs import processor
from support.proving import credentials
from support.rtp_callers import Call, Callers
from support.serving import Record, Serving, lay_out
from support.typed import run

pytestmark = pytest.mark.asyncio(loop_scope="session")

_RING, _TALK = 2.0, 2.0
_CALLS_A_MINUTE = 500
_AGENTS, _REGISTERED = 30, 10
_SOON_MS = 100
_NEVER = 3600.0
_IDLE = 0.05
"""Of a core."""


class Desk(Callers):
    """An agent's telephone. lot: decides how long it rings."""

    lot: random.Random
    slow = 0.2
    """The share of calls that it answers late: at about the time at which it is given up."""
    patience: float | None = None
    """What it rings for when not by lot, in seconds."""

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        message = Message.parse(data)
        if message.method == "REGISTER":
            self.said.put_nowait(message)
            return
        if message.method == "INVITE" and message["Call-ID"] not in self.calls:
            self._answer_after = self.answers_after()
        before = len(self.came)
        super().datagram_received(data, address)
        for call in self.came[before:]:
            self.rings.put_nowait(call)

    def begin(self, user: str, lot: random.Random, rings: "asyncio.Queue[Call]") -> None:
        self.user, self.lot, self.rings = user, lot, rings
        self.said: asyncio.Queue[Message] = asyncio.Queue()
        self._name = token()
        self._count = 0

    def answers_after(self) -> float:
        """Seconds, by lot."""
        if self.patience is not None:
            return self.patience
        if self.lot.random() < self.slow:
            return self.lot.uniform(_RING - 0.05, _RING + 0.05)
        return self.lot.uniform(0.0, 0.5)

    async def register(self, expires: int) -> None:
        """Register, or be gone: 0."""
        proof: list[tuple[str, str]] = []
        while True:
            self._count += 1
            who = f"<sip:{self.user}@127.0.0.1>"
            rows = [
                ("Via", f"SIP/2.0/UDP {self.place};branch=z9hG4bK{token()};rport"),
                ("From", f"{who};tag={token()}"),
                ("To", who),
                ("Call-ID", self._name),
                ("CSeq", f"{self._count} REGISTER"),
                ("Max-Forwards", "70"),
                ("Contact", f"<sip:{self.user}@{self.place}>"),
                ("Expires", str(expires)),
                *proof,
            ]
            self.send(Message("REGISTER sip:127.0.0.1 SIP/2.0", rows).render())
            async with asyncio.timeout(PATIENCE):
                answer = await self.said.get()
            if answer.status == 200:
                return
            assert answer.status == 401, answer.start
            proof = [credentials(answer, self.user, "secret", "REGISTER")]


class Office:
    """The callrouter and the telephones of its agents, by extension."""

    def __init__(self, serving: Serving, ports: dict[str, int]) -> None:
        self.serving = serving
        self.desks: dict[str, Desk] = {}
        self.rings: asyncio.Queue[Call] = asyncio.Queue()
        self._ports = ports
        self._seeds = itertools.count()

    async def shows(self, *arguments: str) -> Any:
        """What a command says as JSON."""
        place = self.serving.place
        ended = await run(place.folder, *arguments, "--json", "--config", place.config)
        assert ended.code == 0, ended.err
        return json.loads(ended.out)

    def kill(self, user: str) -> None:
        """A telephone loses its power, calls and all."""
        self.desks.pop(user).close()

    async def plug_in(self, user: str) -> None:
        """A telephone is there, and knows nothing of before."""
        port = self.serving.place.port
        made = await Desk.open(port, port=self._ports[user], answer_after=None)
        made.begin(user, random.Random(next(self._seeds)), self.rings)
        self.desks[user] = made

    async def talk(self, user: str) -> Call:
        """The call in which an agent talks, once it does."""

        async def look() -> Call | None:
            came = self.desks[user].came
            return came[-1] if came and came[-1].answered.is_set() else None

        return await until(look)

    async def misfortunes(self, lot: random.Random) -> Counter[str]:
        """Let something befall an agent every now and then, until it is cancelled."""
        befell: Counter[str] = Counter()
        try:
            while True:
                await asyncio.sleep(lot.uniform(0.2, 1.0))
                user = lot.choice(sorted(self.desks))
                registers = int(user) >= 300 + _AGENTS - _REGISTERED
                befalls = lot.choice(["killed", "unregistered"]) if registers else "killed"
                befell[befalls] += 1
                if befalls == "killed":
                    self.kill(user)
                else:
                    await self.desks[user].register(0)
                await asyncio.sleep(lot.uniform(0.5, 3.0))
                if befalls == "killed":
                    await self.plug_in(user)
                if registers:
                    await self.desks[user].register(3600)
        except asyncio.CancelledError:
            return befell


@asynccontextmanager
async def office(
    folder: Path, queues: dict[str, list[str]], rule: dict[str, str], registered: set[str]
) -> AsyncIterator[Office]:
    """An office. queues: the agents of each, by the number that leads there."""
    ports = {
        user: free_port() for user in sorted({it for users in queues.values() for it in users})
    }
    phones = {"user": "", "password_file": "secret", "addresses": ["127.0.0.1"]}
    plan = {
        "country": "CN",
        "trunks": {"lab": {"addresses": ["127.0.0.1"]}, "phones": {"phones": True}},
        "targets": {
            f"at_{user}": {"uri": f"sip:{user}@127.0.0.1:{port}"}
            for user, port in ports.items()
            if user not in registered
        },
        "extensions": {
            user: {"phone": {**phones, "user": user}}
            if user in registered
            else {"targets": [f"at_{user}"]}
            for user in ports
        },
        "queues": {f"of_{name}": {"agents": users, **rule} for name, users in queues.items()},
        "numbers": {name: {"route": [{"queue": f"of_{name}"}]} for name in queues},
    }
    place = lay_out(folder, json.dumps(plan))
    (folder / "secret").write_text("secret\n")
    serving = await Serving.start(place)
    made = Office(serving, ports)
    try:
        for user in ports:
            await made.plug_in(user)
        for user in registered:
            await made.desks[user].register(3600)
        yield made
    finally:
        for desk in made.desks.values():
            desk.close()
        log = serving.log()
        await serving.stop()
    assert "Traceback" not in log, log


def rung_twice(records: list[Record]) -> list[object]:
    """The legs to an agent that began before the one before it had ended."""
    legs: dict[str, list[tuple[float, float]]] = {}
    for it in records:
        for leg in it["legs"]:
            span = [it["started"] + leg[end] / 1000 for end in ("started_ms", "ended_ms")]
            legs.setdefault(leg["target"], []).append((span[0], span[1]))
    return [
        (target, before, after)
        for target, spans in legs.items()
        for before, after in pairwise(sorted(spans))
        if after[0] < before[1] - 0.002  # of what is rounded
    ]


async def test_nobody_is_stuck_or_lost_while_telephones_die_go_and_answer_late(
    tmp_path: Path, full: bool
) -> None:
    count = _CALLS_A_MINUTE * 10 if full else 60
    users = [str(300 + index) for index in range(_AGENTS)]
    rule = {"ring": "2s", "wrap_up": "200ms", "max_wait": "20s", "after_no_answer": "1s"}
    registered = set(users[-_REGISTERED:])
    async with office(tmp_path, {"4000": users}, rule, registered) as centre:
        callers = await Phones.open(("127.0.0.1", centre.serving.place.port))
        befalls = asyncio.create_task(centre.misfortunes(random.Random(1)))
        made = await callers.calls("4000", count, _CALLS_A_MINUTE / 60, _TALK)
        befalls.cancel()
        befell = await befalls
        records = await centre.serving.records("4000", count)

        async def quiet() -> bool:
            metrics = await centre.serving.metrics()
            agents = (await centre.shows("agents"))["agents"]
            busy = {"talking", "ringing", "on_call"} & {it["state"] for it in agents}
            return not metrics["callrouter_active_calls"] and not busy

        await until(quiet)
        (queue,) = (await centre.shows("queues"))["queues"]
        await callers.close()
    answered = sum(one.status == 200 for one in made)
    outcomes = Counter(it["queues"][0]["outcome"] for it in records)
    results = Counter(leg["result"] for it in records for leg in it["legs"])
    waits = sorted(it["queues"][0]["left_ms"] for it in records)
    told = dict(befell), dict(outcomes), dict(results), queue, waits[len(waits) // 2], waits[-1]
    assert all(one.closed for one in made if one.status == 200), told
    assert {one.status for one in made} <= {200, 480}, told
    assert outcomes == Counter(answered=answered, timeout=count - answered), told
    assert [queue[it] for it in ("waiting", "offered", "answered")] == [0, count, answered], told
    assert queue["abandoned"] + queue["overflowed"] == count - answered, told
    for record in records:
        assert [leg["result"] for leg in record["legs"]].count("answered") <= 1, record
    assert rung_twice(records) == []


async def test_service_level_is_that_of_each_formula(tmp_path: Path) -> None:
    """60 answered in time, 20 late, 10 who hang up in time and 10 late."""
    users = [str(300 + index) for index in range(20)]
    rule = {"ring": "60s", "wrap_up": "0s", "service_level": "2s"}
    async with office(tmp_path, {"4000": users}, rule, set()) as centre:
        callers = await Callers.open(centre.serving.place.port)
        late = 2.3
        for patience, leaves in [(0.0, 0.1)] * 3 + [(late, 0.1)] + [(_NEVER, 0.0), (_NEVER, late)]:
            for desk in centre.desks.values():
                desk.patience = patience
            came = [callers.call("4000") for _ in range(20 if patience != _NEVER else 10)]
            for _ in came:
                await centre.rings.get()
            for call in came:
                if patience != _NEVER:
                    await call.answered.wait()
            await asyncio.sleep(leaves)  # so long they stay
            for call in came:
                call.hang_up()
                await call.over.wait()
        (queue,) = (await centre.shows("queues"))["queues"]
        metrics = await centre.serving.metrics()
        callers.close()
    levels = {
        "without_short_abandons": 66.7,
        "of_answered": 75.0,
        "with_short_abandons": 70.0,
        "of_offered": 60.0,
    }
    assert {name: round(level, 1) for name, level in queue["service_level"].items()} == levels
    for name, level in levels.items():
        row = f'callrouter_queue_service_level{{formula="{name}",queue="of_4000"}}'
        assert round(100 * metrics[row], 1) == level


@pytest.mark.alone
async def test_agent_who_becomes_free_is_rung_at_once_however_many_wait(
    tmp_path: Path, full: bool
) -> None:
    queues, each, crowd, quiet = (50, 4, 20, 10.0) if full else (5, 4, 20, 2.0)
    names = [str(4000 + index) for index in range(queues)]
    users = {name: [f"{name}{index}" for index in range(each)] for name in names}
    rule = {"ring": "60s", "wrap_up": "0s"}
    async with office(tmp_path, users, rule, set()) as centre:
        rings = centre.rings
        callers = await Phones.open(("127.0.0.1", centre.serving.place.port))
        first: list[float] = []
        for name in names * each:  # who comes while agents are free
            sent = time.time()
            callers.call(name, 3600.0)
            first.append((await rings.get()).rung - sent)
        waiting = []
        for name in names * crowd:
            await asyncio.sleep(0.01)  # 100 a second
            waiting.append(callers.call(name, 3600.0))
        for outcome in waiting:
            await outcome.ringing.wait()
        talks = [await centre.talk(user) for user in centre.desks]
        pid = centre.serving.process.pid
        began, used = time.time(), processor(pid)
        await asyncio.sleep(quiet)  # nothing happens for so long
        share = (processor(pid) - used) / (time.time() - began)
        after: list[float] = []
        for talk in talks:
            sent = time.time()
            talk.hang_up()
            after.append((await rings.get()).rung - sent)
        await callers.close()
    told = [sorted(round(it * 1000, 1) for it in them) for them in (first, after)]
    for them in told:
        assert them[len(them) * 95 // 100] < _SOON_MS, told
    assert share < _IDLE, share

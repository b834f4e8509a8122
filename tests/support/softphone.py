"""A phone that makes real calls with real sound: a process with pjsua2, told what to do.

    phone = await Softphone.start()
    await phone.record(tmp_path / "heard.wav")
    await phone.call("sip:100@127.0.0.1:5060")
    await phone.state("confirmed")
    await phone.press("12#")
    await phone.hang_up()

A phone has one call at a time and hears it in 8 kHz. All times are `time.monotonic()` of this
machine; a recording begins when `record` returns, media or none.
"""

import itertools
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Self

from callrouter.media.protocol import encode
from support import hearing
from support.channel import Channel
from support.hearing import Sound
from support.polling import PATIENCE, until
from support.programs import ended

_SCRIPT = Path(__file__).with_name("softphone_process.py")

Maker = Callable[[], Awaitable["Softphone"]]
"""Makes phones and ends them with the test."""


class Softphone(Channel):
    """port: where it listens on 127.0.0.1, by UDP."""

    def __init__(self, mine: socket.socket) -> None:
        super().__init__(mine)
        self.port = 0
        self._ids = itertools.count(1)

    @classmethod
    async def start(
        cls, *, port: int = 0, answer_after: float | None = None, user: str = "phone"
    ) -> Self:
        """Start it. answer_after: seconds it rings before it answers by itself; None: never.

        user: of its own URI, which it calls with.
        """
        phone = await cls.beside(str(_SCRIPT), str(port), user)
        phone.port = (await phone.event("ready"))["port"]
        if answer_after is not None:
            await phone.do("answering", after=answer_after)
        return phone

    @property
    def uri(self) -> str:
        """Where it can be called."""
        return f"sip:phone@127.0.0.1:{self.port}"

    async def do(self, do: str, **fields: Any) -> dict[str, Any]:
        """Give it an order; its answer, with `at`, when it was done."""
        number = next(self._ids)
        await self.send(encode({"do": do, "id": number, **fields}))
        answer = await self.until(lambda line: line.get("done") == number)
        assert "error" not in answer, answer
        return answer

    async def event(self, event: str, within: float = PATIENCE, **fields: Any) -> dict[str, Any]:
        """Wait for an event with these fields: incoming, state, media, digit or played."""
        wanted = {"event": event, **fields}
        return await self.until(lambda line: wanted.items() <= line.items(), within)

    async def state(self, state: str, within: float = PATIENCE) -> dict[str, Any]:
        """Wait for a state of its call: early, confirmed or disconnected (with `status`)."""
        return await self.event("state", within, state=state)

    async def media(self, direction: str = "sendrecv", within: float = PATIENCE) -> dict[str, Any]:
        """Wait for its call's media to go this way.

        Its event has `remote` and `local`, addresses with ports, and `codec`.
        """
        return await self.event("media", within, direction=direction)

    async def register(
        self, registrar: str, user: str, password: str, *, expires: int = 300
    ) -> dict[str, Any]:
        """Register, and wait for what comes of it: `status`, and whether it is `active`."""
        self._forget("registered")
        order = {"registrar": registrar, "user": user, "password": password, "expires": expires}
        await self.do("register", **order)
        return await self.event("registered")

    async def unregister(self) -> dict[str, Any]:
        """Take the registration back."""
        self._forget("registered")
        await self.do("unregister")
        return await self.event("registered")

    # Its call.

    async def call(
        self, uri: str, *, direction: str = "", offer: bool = True, **headers: str
    ) -> None:
        """Call somebody. direction: of its media, when not sendrecv. offer: the INVITE has SDP."""
        self._forget("media", "state")
        await self.do("call", uri=uri, direction=direction, offer=offer, headers=headers)

    async def talk(self, uri: str, **options: Any) -> None:
        """Call somebody and wait until sound flows."""
        await self.call(uri, **options)
        await self.state("confirmed")
        await self.media()

    async def answer(self, status: int = 200) -> None:
        """Answer the call that came in; 180 rings, 183 opens early media."""
        await self.do("answer", status=status)

    async def hang_up(self, status: int = 0) -> None:
        """End the call, or refuse it, and wait for its end."""
        await self.do("hang_up", status=status)
        await self.state("disconnected")

    async def hold(self) -> None:
        """Put the other side on hold, by re-INVITE."""
        self._forget("media")
        await self.do("hold")

    async def transfer(self, uri: str) -> None:
        """Ask that the other side be connected with somebody else, by REFER."""
        self._forget("state")
        await self.do("transfer", to=uri)

    async def join(self) -> None:
        """Ask that who it talked to before be connected with who it talks to now (RFC 3891)."""
        self._forget("state")
        await self.do("join")

    async def reinvite(self, direction: str = "sendrecv") -> None:
        """Offer again: sendrecv, sendonly, recvonly or inactive."""
        self._forget("media")
        await self.do("reinvite", direction=direction)

    def _forget(self, *events: str) -> None:
        """Drop what was said and not asked for: the next event of the kind is a new one."""
        self.heard = [line for line in self.heard if line.get("event") not in events]

    # Its sound.

    async def press(self, digits: str, method: str = "rfc4733") -> dict[str, Any]:
        """Press keys one after the other. method: rfc4733, info or inband."""
        return await self.do("press", digits=digits, method=method)

    async def play(self, file: Path, *, loop: bool = False) -> dict[str, Any]:
        """Say what is in a WAV file, from when sound flows; `played` comes at each end of it."""
        self._forget("played")
        return await self.do("play", file=str(file), loop=loop)

    async def stop(self) -> dict[str, Any]:
        """Say nothing more."""
        return await self.do("stop")

    async def record(self, file: Path) -> dict[str, Any]:
        """Write what it hears from now on into a WAV file: silence while there is no media."""
        return await self.do("record", file=str(file))

    async def hears(self, file: Path, wanted: Callable[[Sound], object]) -> None:
        """Wait until there is something in what it records; it comes a quarter of a second late."""

        async def heard() -> bool:
            return bool(wanted(hearing.so_far(file)))

        await until(heard)

    async def hears_tone(self, file: Path, hertz: int) -> None:
        """Wait until a tone is in what it records."""
        looked_at = 0

        def is_there(sound: Sound) -> bool:
            nonlocal looked_at
            fresh = sound[looked_at:]
            # Half a second is looked at again: the tone may only have begun there.
            looked_at = max(looked_at, len(sound) - hearing.RATE // 2)
            return bool(hearing.tones(fresh, [hertz]))

        await self.hears(file, is_there)

    async def says(self, file: Path, *parts: Sound) -> None:
        """Say something, written to a file first, and wait for its end."""
        await self.play(hearing.write(file, *parts))
        await self.event("played")

    async def stop_recording(self) -> dict[str, Any]:
        """Close the file; it is whole when this returns."""
        return await self.do("stop_recording")

    async def quit(self) -> None:
        """End it, call and all."""
        await self.close()
        await ended(self.process)

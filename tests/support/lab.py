"""The lab as it is: config/lab.yaml and its numbers, on the ports that its files name."""

import asyncio
import re
import shutil
import signal
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from support.ports import free_port, is_free
from support.serving import ROOT, Place, Record, Serving
from support.sipp import Sipp

PORTS: Final = (5060, 5061, 5080, 5081, 5082, 5083, 5090, 5091, 5092, 5099, 8080, 9090)
_CONFIG: Final = Path("config") / "lab.yaml"
_DIALPLAN: Final = Path("dialplans") / "lab.yaml"
_BESIDE: Final = ("lab-blocked.txt", "lab-digest.txt", "lab-music.wav", "lab-pin.txt")
_CERTIFICATES: Final = Path("var") / "lab-tls"


@dataclass(frozen=True, slots=True)
class Lab:
    """The running lab. ports: where it has what its files have at a port."""

    serving: Serving
    ports: dict[int, int]

    @property
    def address(self) -> tuple[str, int]:
        """Where it takes calls."""
        return ("127.0.0.1", self.ports[5060])

    @property
    def secure(self) -> tuple[str, int]:
        """Where it takes calls by TLS."""
        return ("127.0.0.1", self.ports[5061])

    def shown(self, name: str = "") -> ssl.SSLContext:
        """TLS of a caller that trusts the lab. name: of the certificate it shows, "" for none."""
        folder = self.serving.place.folder / _CERTIFICATES
        context = ssl.create_default_context(cafile=folder / "authority.pem")
        if name:
            context.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
        return context

    def awaited(self) -> ssl.SSLContext:
        """TLS of the trunk `tls` when it is called: the caller must show a certificate."""
        folder = self.serving.place.folder / _CERTIFICATES
        context = ssl.create_default_context(
            ssl.Purpose.CLIENT_AUTH, cafile=folder / "authority.pem"
        )
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_cert_chain(folder / "trunk.pem", folder / "trunk.key")
        return context

    async def callee(self, scenario: str, port: int, host: str = "127.0.0.1", **keys: str) -> Sipp:
        """Let SIPp play a target."""
        folder = self.serving.place.folder
        return await Sipp.callee(folder, scenario, self.ports[port], host=host, keys=keys)

    async def caller(
        self, number: str, scenario: str = "caller_hangs_up", host: str = "127.0.0.1"
    ) -> Sipp:
        """Let SIPp begin to call a number."""
        to = f"127.0.0.1:{self.ports[5060]}"
        return await Sipp.caller(self.serving.place.folder, scenario, to, number, host=host)

    async def call(
        self, number: str, scenario: str = "caller_hangs_up", host: str = "127.0.0.1"
    ) -> Record:
        """Let SIPp call a number, each once; the record that it leaves."""
        caller = await self.caller(number, scenario, host)
        await caller.done()
        return await self.serving.record(number)


async def lay_out_lab(folder: Path, ports: Mapping[int, int]) -> Path:
    """Copy what the lab is made of and give it certificates. Returns its settings file.

    ports: other ports in the place of its own.
    """

    def place(port: re.Match[str]) -> str:
        return str(ports.get(int(port[0]), port[0]))

    for file in (_CONFIG, _DIALPLAN):
        text = re.sub(r"(?<=:)\d{4}\b", place, (ROOT / file).read_text("utf-8"))
        (folder / file).parent.mkdir()
        (folder / file).write_text(text, "utf-8")
    for name in _BESIDE:
        _copy(name, folder / "dialplans")
    made = await asyncio.create_subprocess_exec(
        ROOT / "scripts" / "lab-certificates", folder / _CERTIFICATES
    )
    assert await made.wait() == 0
    return folder / _CONFIG


def _copy(name: str, folder: Path) -> None:
    copy = shutil.copy(ROOT / "dialplans" / name, folder)
    Path(copy).chmod(0o600)  # there are secrets among them, and scripts/run does so too


@asynccontextmanager
async def running_lab(folder: Path) -> AsyncIterator[Lab]:
    """Serve it from a folder, where its records and passwords are, until the end."""
    ports = {port: port for port in PORTS}
    if not all(map(is_free, PORTS)):
        # Somebody on this machine has the lab open; then it is the same lab at other ports.
        ports = {port: free_port() for port in PORTS}
    config = await lay_out_lab(folder, ports)
    serving = await Serving.start(Place(folder, config, ports[5060], ports[9090]))
    yield Lab(serving, ports)
    serving.signal(signal.SIGTERM)
    assert await serving.ended(25) == 0
    await serving.stop()

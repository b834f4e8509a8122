"""RFC 4475's messages to the running program, over UDP and TCP, in both orders.

After each one a probe is answered within half a second; each gets an answer that the RFC allows.
`--full` starts a fresh program for each message as well.
"""

import asyncio
import os
import socket
from pathlib import Path
from typing import Final

import pytest
from program import Program, open_program, probe
from support.phone import Phone
from support.polling import PATIENCE
from support.torture import MESSAGES, Torture

pytestmark = pytest.mark.asyncio(loop_scope="session")

HOST: Final = f"127.0.{os.getpid() % 100 + 1}.2"
"""Where the messages come from. Answers go to ports that the messages name, so the address is this
process's alone."""

PROBE_SECONDS: Final = 0.5
BOTH: Final = [list(MESSAGES), list(reversed(MESSAGES))]


async def probed(phone: Phone) -> None:
    """The program answers in time. What came before on UDP was answered before."""
    loop = asyncio.get_running_loop()
    sent = loop.time()
    phone.send(probe("UDP 127.0.0.1;rport"))
    await phone.expect(200)
    assert loop.time() - sent < PROBE_SECONDS


def finals(data: bytes) -> list[int]:
    """The statuses of the final answers in what came."""
    starts = [row for row in data.split(b"\r\n") if row.startswith(b"SIP/2.0 ")]
    return [int(row[8:11]) for row in starts if row[8:9] != b"1"]


def judge(message: Torture, transport: str, statuses: list[int]) -> None:
    if message.name == "dblreq.dat" and transport == "TCP":
        # On a stream what follows is another request: an INVITE, without Contact.
        assert statuses.pop() == 400
    assert len(statuses) <= 1, message.name
    status = statuses[0] if statuses else 0
    assert message.over(transport).allows(status), (message.name, status)


async def by_udp(program: Program, phone: Phone, message: Torture) -> None:
    """Send one from the port that its answer goes to."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
        own.bind((HOST, message.over("UDP").reply_port))
        own.setblocking(False)
        own.sendto(message.data, program.at("udp"))
        await probed(phone)
        came = b""
        while True:
            try:
                came += own.recv(65536) + b"\r\n"
            except BlockingIOError:
                break
    judge(message, "UDP", finals(came))


async def by_tcp(program: Program, phone: Phone, message: Torture) -> None:
    """Send one over a connection of its own, with an end of it."""
    reader, writer = await asyncio.open_connection(*program.at("tcp"), local_addr=(HOST, 0))
    try:
        writer.write(message.data)
        writer.write_eof()
        await probed(phone)
        async with asyncio.timeout(PATIENCE):
            came = await reader.read()
    finally:
        writer.close()
    judge(message, "TCP", finals(came))


WAYS: Final = {"UDP": by_udp, "TCP": by_tcp}


async def torture(folder: Path, names: list[str], transport: str) -> None:
    """A program of its own hears these, and logs no bug."""
    program = await open_program(folder)
    try:
        phone = await program.phone()
        for name in names:
            await WAYS[transport](program, phone, MESSAGES[name])
        log = program.serving.log()
        assert "Traceback" not in log
        assert "internal error" not in log
    finally:
        await program.close_phones()
        await program.serving.stop()


@pytest.mark.parametrize("transport", WAYS)
@pytest.mark.parametrize("order", BOTH, ids=["to", "fro"])
async def test_one_program_hears_all_and_answers_a_probe_after_each(
    tmp_path: Path, order: list[str], transport: str
) -> None:
    assert len(order) == 50  # the 49, and one of them with the end that it lacks
    await torture(tmp_path, order, transport)


@pytest.mark.parametrize("transport", WAYS)
async def test_fresh_program_hears_each_message(tmp_path: Path, transport: str, full: bool) -> None:
    # Without --full it is one of them; tests/unit/sip has a fresh stack for each.
    names = list(MESSAGES) if full else ["wsinv.dat"]
    for name in names:
        (folder := tmp_path / name).mkdir()
        await torture(folder, [name], transport)

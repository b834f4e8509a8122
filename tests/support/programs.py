"""Programs beside the server: what they print, and their end."""

import asyncio
import os
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from pathlib import Path

from support.polling import PATIENCE


async def run(*arguments: str, cwd: Path, within: float = 2 * PATIENCE) -> tuple[int, str]:
    """The exit code of a program, and all it printed."""
    process = await asyncio.create_subprocess_exec(
        *arguments, cwd=cwd, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT
    )
    async with asyncio.timeout(within):
        out, _ = await process.communicate()
    return process.returncode or 0, out.decode()


async def ended(process: Process) -> None:
    """Wait until a program that was told to end has done so; else it is killed. Raises then."""
    try:
        async with asyncio.timeout(PATIENCE):
            await process.wait()
    finally:
        if process.returncode is None:
            process.kill()


def processor(pid: int) -> float:
    """Seconds that a process has used, without its children."""
    text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    fields = text.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

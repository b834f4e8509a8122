"""Commands as they are typed, each in a process of its own."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from support.polling import PATIENCE
from support.serving import command


@dataclass(frozen=True, slots=True)
class Ended:
    """A command that has ended."""

    code: int
    out: str
    err: str


async def run(folder: Path, *arguments: str | Path, env: dict[str, str] | None = None) -> Ended:
    """Run a command in a folder and wait for its end. env: None for that of the tests."""
    process = await asyncio.create_subprocess_exec(
        *command(*arguments),
        cwd=folder,
        env=env,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(PATIENCE):
            out, err = await process.communicate()
    except TimeoutError:
        process.kill()
        raise
    assert process.returncode is not None
    return Ended(process.returncode, out.decode(), err.decode())

"""Child processes of the bench: started on their own cores, accounted by the kernel, stopped.

All accounting is of a whole process tree, read from /proc, so this is for Linux only.
"""

import os
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from callrouter.errors import CallrouterError

_TICKS: Final = os.sysconf("SC_CLK_TCK")


class BenchError(CallrouterError):
    """A measurement that cannot be made: a tool is missing, or a process did not do its part."""


def split_cores() -> tuple[set[int], set[int]]:
    """Give the cores for the system under test (one of them) and those for SIPp (all others).

    On a machine with one core both are that core.
    """
    cores = sorted(os.sched_getaffinity(0))
    return {cores[0]}, set(cores[1:]) or {cores[0]}


def start(
    argv: list[str], log: Path, cores: set[int], env: dict[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start argv in a session of its own in log's directory, confined to cores, stderr to log.

    env: variables set beside those of this process. Raises BenchError when argv cannot be started.
    """
    mine = os.sched_getaffinity(0)
    # A child inherits its parent's cores, so that not even its first thread runs elsewhere.
    os.sched_setaffinity(0, cores)
    try:
        with log.open("wb") as stderr:
            return subprocess.Popen(
                argv,
                cwd=log.parent,
                env={**os.environ, **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                start_new_session=True,
            )
    except OSError as error:
        raise BenchError(f"cannot start {argv[0]}: {error.strerror}") from error
    finally:
        os.sched_setaffinity(0, mine)


def stop(process: subprocess.Popen[bytes], patience: float) -> None:
    """End process with SIGTERM, or with SIGKILL after patience seconds, and what it started too."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def free_port() -> int:
    """Give a port of 127.0.0.1 that is free for UDP and for TCP at this moment."""
    for _ in range(100):
        with (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
            socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp,
        ):
            udp.bind(("127.0.0.1", 0))
            port: int = udp.getsockname()[1]
            try:
                tcp.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise BenchError("found no free port on 127.0.0.1")


def wait_bound(
    process: subprocess.Popen[bytes], port: int, log: Path, transport: str = "udp"
) -> None:
    """Wait until a socket of transport, "udp" or "tcp", is bound to port.

    Raises BenchError, with the end of log, when process ends first or 15 seconds have passed.
    """
    needle = f":{port:04X} "
    deadline = time.monotonic() + 15
    while needle not in Path("/proc/net", transport).read_text(encoding="ascii"):
        if process.poll() is not None or time.monotonic() > deadline:
            raise BenchError(f"nothing listens on {port}: {log_end(log)}")
        time.sleep(0.05)


def goes_on(process: subprocess.Popen[bytes], seconds: float, what: str, log: Path) -> None:
    """Let a process go on for so long. Raises BenchError, with the end of log, when it ends.

    what: has ended, for the error.
    """
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return
    raise BenchError(f"{what} already: {log_end(log)}")


def log_end(log: Path) -> str:
    """Give the last 500 characters of log, to say in an error why a process failed."""
    return log.read_text(encoding="utf-8", errors="replace")[-500:].strip() or "it said nothing"


def cpu_seconds(root: int) -> float:
    """Give the user and system time of root, its descendants and the children they had before."""
    stats = _stats()
    # Fields 14-17 of proc(5): utime, stime, and the same of children that were waited for.
    ticks = sum(int(ticks) for pid in _tree(root, stats) for ticks in stats[pid][11:15])
    return ticks / _TICKS


def pss_kib(root: int) -> int:
    """Give the memory of the process root and its descendants in KiB, shared pages counted once."""
    return _smaps_kib(root, "Pss:")


def anonymous_kib(root: int) -> int:
    """Give what the process root and its descendants keep in memory that is no file's, in KiB.

    Unlike `pss_kib` it is the same whoever else uses the same libraries just now.
    """
    return _smaps_kib(root, "Anonymous:")


def _smaps_kib(root: int, head: str) -> int:
    total = 0
    for pid in _tree(root, _stats()):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
            if line.startswith(head):
                total += int(line.split()[1])
    return total


def _stats() -> dict[int, list[str]]:
    """Give every process's fields of proc(5) stat, from the third, its state, on."""
    stats = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                text = (entry / "stat").read_text(encoding="utf-8", errors="replace")
            except (FileNotFoundError, ProcessLookupError):
                continue
            # The command's name stands in parentheses and may itself hold spaces and parentheses.
            stats[int(entry.name)] = text.rpartition(")")[2].split()
    return stats


def _tree(root: int, stats: dict[int, list[str]]) -> list[int]:
    """Give root and its descendants."""
    found = [root]
    for parent in found:
        found += [pid for pid, fields in stats.items() if int(fields[1]) == parent]
    return found

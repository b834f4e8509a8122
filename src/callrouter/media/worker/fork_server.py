"""Fork server of media workers: holds pjsua2 in memory and forks workers from it.

Theory. Importing pjsua2 costs time and 11 MB; a fork of who has imported it shares them. PJSIP
itself is started by each worker: its threads would not survive a fork.

Rules. The nursery never creates PJSIP's library. It has no calls and reads nothing but the pool's
socket, fd 0. When that closes, its workers are killed and it ends. Its messages: see `protocol`.
"""

import gc
import os
import selectors
import signal
import socket
import sys
import traceback
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final

from callrouter.media.protocol import LineBuffer, encode

Work = Callable[[Mapping[str, Any], socket.socket], None]

_POOL: Final = 0
_STDERR: Final = 2
_FAULT: Final = 70
"""EX_SOFTWARE of sysexits.h: a worker met a bug of ours."""

_MISSING: Final = 69
"""EX_UNAVAILABLE: pjsua2 cannot be imported."""


class ForkServer:
    """Fork server. pool: its end of the pool's socket. work: of a worker, see `worker.work`."""

    def __init__(self, pool: socket.socket, work: Work) -> None:
        self._pool = pool
        self._work = work
        self._lines = LineBuffer()
        self._sockets: deque[int] = deque()
        self._selector = selectors.DefaultSelector()
        self._selector.register(pool, selectors.EVENT_READ)
        # By the descriptor that tells of its end: pid and name.
        self._workers: dict[int, tuple[int, str]] = {}

    def run(self) -> None:
        """Fork and reap until the pool's socket is closed.

        Raises ValueError for what is no line of JSON.
        """
        try:
            while True:
                for key, _ in self._selector.select():
                    if key.fileobj is not self._pool:
                        self._reap(key.fd)
                    elif not self._read():
                        return
        except (BrokenPipeError, ConnectionResetError):
            # The pool is gone: nobody is there to tell.
            return
        finally:
            for pid, _ in self._workers.values():
                os.kill(pid, signal.SIGKILL)

    def _read(self) -> bool:
        """Take what the pool sent; False when it has closed."""
        data, sockets, _, _ = socket.recv_fds(self._pool, 65536, 64)
        self._sockets.extend(sockets)
        for config in self._lines.feed(data):
            self._spawn(config, self._sockets.popleft())
        return bool(data)

    def _spawn(self, config: Mapping[str, Any], channel: int) -> None:
        pid = os.fork()
        if pid == 0:
            _be_worker(self._work, config, channel)
        os.close(channel)
        name = config["name"]
        descriptor = os.pidfd_open(pid)
        self._workers[descriptor] = (pid, name)
        self._selector.register(descriptor, selectors.EVENT_READ)
        self._pool.sendall(encode({"started": name, "pid": pid}))

    def _reap(self, descriptor: int) -> None:
        pid, name = self._workers.pop(descriptor)
        self._selector.unregister(descriptor)
        os.close(descriptor)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        self._pool.sendall(encode({"exited": name, "status": status}))


def _be_worker(work: Work, config: Mapping[str, Any], channel: int) -> None:
    """Drop what is the nursery's, work, and never come back."""
    status = _FAULT
    try:
        _forget(channel)
        with socket.socket(fileno=channel) as opened:
            work(config, opened)
        status = 0
    except BaseException:  # noqa: BLE001  # a forked child must not run the nursery's code
        traceback.print_exc()
    finally:
        # No destructors: PJSIP's threads still run, and the kernel frees all there is.
        sys.stderr.flush()
        os._exit(status)


def _forget(channel: int) -> None:
    """Close every inherited descriptor but the worker's channel and stderr."""
    for name in os.listdir("/proc/self/fd"):
        number = int(name)
        if number not in {channel, _STDERR}:
            _close(number)
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1):
        os.dup2(null, standard)
    if null > _STDERR:
        os.close(null)


def _close(number: int) -> None:
    try:
        os.close(number)
    except OSError:
        # The one by which the folder was listed.
        return


def main() -> None:
    """Run the nursery on fd 0."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    pool = socket.socket(fileno=_POOL)
    try:
        from callrouter.media.worker.worker import work  # noqa: PLC0415  # fails without pjsua2
    except ImportError as error:
        pool.sendall(encode({"missing": str(error)}))
        sys.exit(_MISSING)
    # What is here now stays for ever: no worker's collector need touch, and so copy, it.
    gc.collect()
    gc.freeze()
    pool.sendall(encode({"awake": True}))
    ForkServer(pool, work).run()


if __name__ == "__main__":
    main()

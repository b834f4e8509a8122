"""The process that programs are forked from; at the other end of fd 0: `forked_programs`."""

import gc
import json
import os
import runpy
import signal
import socket
import sys
from importlib import import_module

_MODULE = "callrouter"
_MOST = 1 << 20


def asked() -> list[str]:
    """Wait for a program to be asked for; its argv, in the process that is to be it.

    Leaves when nobody is there to ask any more.
    """
    channel = socket.socket(fileno=0)
    while True:
        data, files, _, _ = socket.recv_fds(channel, _MOST, 3)
        if not data:
            sys.exit()
        numbers, number = os.pipe()
        if between := os.fork():
            # It has ended, so its child is a child of who asks, before they hear of it.
            os.waitpid(between, 0)
            channel.send(os.read(numbers, 64))
            for file in (*files, numbers, number):
                os.close(file)
        elif pid := os.fork():
            os.write(number, str(pid).encode())
            os._exit(0)
        else:
            channel.detach()
            for standard, file in enumerate(files):
                os.dup2(file, standard)
            os.closerange(3, max(number, *files) + 1)
            words, cwd = json.loads(data)
            os.chdir(cwd)
            sys.path[0] = cwd
            return list(words)


if __name__ == "__main__":
    import_module("callrouter.commands.serve")
    gc.collect()
    gc.freeze()
    # A key that ends the tests goes to the whole group, and they end this one.
    usual = signal.signal(signal.SIGINT, signal.SIG_IGN)
    argv = asked()
    signal.signal(signal.SIGINT, usual)
    sys.orig_argv = argv
    sys.argv = argv[2:]
    runpy.run_module(_MODULE, run_name="__main__", alter_sys=True)

"""Confinement of a worker: what it may no longer do once it talks to strangers by RTP.

A fault of PJSIP that RTP can reach costs one worker and what its user can do: so that is little.
"""

import ctypes
import os
import resource
from collections.abc import Mapping
from typing import Any, Final

_NO_NEW_PRIVILEGES: Final = 38
"""PR_SET_NO_NEW_PRIVS of prctl(2): no program that it starts is more than the worker is."""


def confine(config: Mapping[str, Any]) -> None:
    """Bound memory, files and rights of this process, by the spawn config's keys; see `protocol`.

    Raises OSError when the kernel does not let it: then the worker must not run.
    """
    _limit(resource.RLIMIT_DATA, config["memory_bytes"])
    _limit(resource.RLIMIT_NOFILE, config["files"])
    _limit(resource.RLIMIT_CORE, 0)
    os.umask(0o077)
    user = config["user"]
    if user is not None and os.geteuid() == 0:
        uid, gid = user
        os.setgroups([])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")


def _limit(kind: int, most: int) -> None:
    """Lower a limit, hard and soft; one that is lower already stays."""
    hard = resource.getrlimit(kind)[1]
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    resource.setrlimit(kind, (most, most))

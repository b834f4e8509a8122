"""Compiles the modules on a call's path by mypyc, if CALLROUTER_COMPILED says so.

What pip installs from the sources is plain Python, and needs no compiler. `scripts/build-wheel`
sets the variable to the C compiler's level of optimization: 2 for a release; 0 for tests of what
is compiled, which a slow build would only delay.
"""

import os
from pathlib import Path

from setuptools import Extension, setup

SOURCE = Path("src/callrouter")
PACKAGES = ("call", "queues", "register", "route", "sip")
MODULES = (
    "app/call_observer",
    "errors",
    "net/overload/early_reject",
    "net/overload/overload_control",
    "net/overload/rate_limit",
    "net/overload/source_filter",
    "net/transport/core_filter",
    "net/transport/driver",
    "net/transport/tokens_and_lag",
    "net/transport/udp",
    "observe/call_metrics",
    "observe/cdr/crash_recovery",
    "observe/log",
    "recent_cache",
    "serializable",
    "state/lines",
    "storage/active_calls_journal",
)


def extensions(level: str) -> list[Extension]:
    """The compiled modules, as setuptools builds them."""
    from mypyc.build import mypycify  # noqa: PLC0415  # who does not compile need not have it

    files = [SOURCE / f"{name}.py" for name in MODULES]
    for name in PACKAGES:
        files += sorted((SOURCE / name).rglob("*.py"))
    return mypycify(
        [str(file) for file in files], opt_level=level, debug_level="0", multi_file=True
    )


level = os.environ.get("CALLROUTER_COMPILED", "")
setup(ext_modules=extensions(level) if level else [])

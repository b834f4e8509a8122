"""Pause of the garbage collector while a file is read and compiled.

What is made then is needed to the end and has no cycles worth looking for; the collector would look
at a million objects over and over, which takes a third of the time.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_paused() -> Iterator[None]:
    """Collect no garbage meanwhile."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()

"""The metrics that a callrouter on this machine serves, read over HTTP."""

import http.client
import re
from collections.abc import Iterable
from typing import Final

from callrouter.bench.processes import BenchError

_VALUE: Final = re.compile(r"^([a-z_]+) (\S+)$", re.M)


def read(port: int) -> str:
    """Give all metrics as they are served on port of 127.0.0.1. Raises BenchError without any."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/metrics")
        return connection.getresponse().read().decode()
    except (OSError, http.client.HTTPException) as error:
        raise BenchError(f"callrouter serves no metrics: {error}") from error
    finally:
        connection.close()


def values(port: int, names: Iterable[str]) -> dict[str, float]:
    """Give metrics without labels by name. Raises BenchError when there are no metrics."""
    found = dict(_VALUE.findall(read(port)))
    return {name: float(found[name]) for name in names}

"""The metrics that a callrouter on this machine serves, read over HTTP; its loop lag among them.

A histogram here is what Prometheus serves: each bucket's upper end in seconds, the last one
infinite, and how many observations there were up to it since the process began.
"""

import http.client
import math
import re
from collections.abc import Iterable
from typing import Final, TypeAlias

from callrouter.bench.processes import BenchError

Histogram: TypeAlias = dict[float, float]

_VALUE: Final = re.compile(r"^([a-z_]+) (\S+)$", re.M)
_BUCKET: Final = re.compile(r'^callrouter_loop_lag_seconds_bucket\{le="([^"]+)"\} (\S+)$', re.M)


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


def loop_lag(port: int) -> Histogram:
    """Give the lag of the event loop of the callrouter whose metrics are on port of 127.0.0.1.

    Empty when the metrics tell of none. Raises BenchError when there are no metrics.
    """
    return {float(end): float(count) for end, count in _BUCKET.findall(read(port))}


def quantile(share: float, before: Histogram, after: Histogram) -> float | None:
    """Give the seconds that share of the observations between two readings stay below.

    Inside a bucket they are taken as evenly spread, as Prometheus does; of those past the last
    finite bucket only its upper end is known. None without observations.
    """
    ends = sorted(after)
    counts = [after[end] - before[end] for end in ends]
    if not counts or not counts[-1]:
        return None
    wanted = share * counts[-1]
    below, start = 0.0, 0.0
    for end, count in zip(ends, counts, strict=True):
        if count >= wanted:
            if math.isinf(end):
                break
            return start + (end - start) * (wanted - below) / (count - below)
        below, start = count, end
    return start

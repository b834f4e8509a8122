"""The event loop's lag, read from the histogram that callrouter serves as a metric.

A histogram here is what Prometheus serves: each bucket's upper end in seconds, the last one
infinite, and how many observations there were up to it since the process began.
"""

import math
import re
from typing import Final, TypeAlias

from callrouter.bench import metrics_client as metrics

Histogram: TypeAlias = dict[float, float]

_BUCKET: Final = re.compile(r'^callrouter_loop_lag_seconds_bucket\{le="([^"]+)"\} (\S+)$', re.M)


def read(port: int) -> Histogram:
    """Give the histogram of the callrouter whose metrics are on port of 127.0.0.1.

    Empty when the metrics tell of none. Raises BenchError when there are no metrics.
    """
    return {float(end): float(count) for end, count in _BUCKET.findall(metrics.read(port))}


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

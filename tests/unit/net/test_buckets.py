"""Token buckets: how much they let through, and that they need no memory for it."""

import pytest

from callrouter.net.overload.rate_limit import Bucket, Buckets, neighbours


def taken(bucket: Bucket, times: int, now: float) -> int:
    return sum(bucket.take(now) for _ in range(times))


def test_full_bucket_gives_its_burst_and_then_its_rate() -> None:
    bucket = Bucket(rate=10, burst=20)
    assert taken(bucket, 100, 1000.0) == 20
    assert taken(bucket, 100, 1000.0) == 0
    assert taken(bucket, 100, 1001.0) == 10
    assert taken(bucket, 100, 2000.0) == 20


def test_who_asks_all_the_time_gets_the_rate() -> None:
    bucket = Bucket(rate=50, burst=50)
    seconds = 20
    given = sum(bucket.take(1000 + step / 1000) for step in range(seconds * 1000))
    assert given == pytest.approx(50 * seconds + 50, abs=1)


def test_clock_that_is_put_back_gives_nothing_extra() -> None:
    bucket = Bucket(rate=10, burst=10)
    assert taken(bucket, 100, 1000.0) == 10
    assert taken(bucket, 100, 900.0) == 0


def test_buckets_of_a_table_do_not_touch_each_other() -> None:
    buckets = Buckets(rate=1, burst=2)
    assert [buckets.take("192.0.2", 5.0) for _ in range(3)] == [True, True, False]
    assert buckets.take("198.51.100", 5.0)


def test_table_has_its_slots_however_many_sources_there_are() -> None:
    buckets = Buckets(rate=1, burst=1)
    given = sum(buckets.take(str(number), 5.0) for number in range(200_000))
    # One each as long as there is a slot that is not taken yet.
    assert 60_000 < given <= 65_536


@pytest.mark.parametrize(
    ("host", "other", "shared"),
    [
        ("192.0.2.1", "192.0.2.254", True),
        ("192.0.2.1", "192.0.3.1", False),
        ("2001:db8:0:1100::1", "2001:db8:0:11ff::2", True),
        ("2001:db8:0:1100::1", "2001:db8:0:1200::1", False),
        ("::ffff:192.0.2.1", "192.0.2.9", True),
        ("fe80::1%eth0", "fe80::2%eth0", True),
    ],
)
def test_neighbours_share_a_bucket(host: str, other: str, shared: bool) -> None:
    assert (neighbours(host) == neighbours(other)) is shared

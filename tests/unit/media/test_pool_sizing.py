from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from callrouter.media.pool.sizing import Need, is_ample, is_short, slices
from callrouter.media.pool.worker_selection import WorkerSelection


class Worker:
    def __init__(self, free: int) -> None:
        self.free = free


def test_pool_without_an_idle_worker_is_short_unless_one_starts() -> None:
    assert is_short(Need(4, used=1, free=3, starting=0, whole=0))
    assert not is_short(Need(4, used=1, free=3, starting=1, whole=0))
    assert not is_short(Need(4, used=0, free=4, starting=0, whole=1))


def test_pool_is_short_when_few_slots_are_free_beside_many_in_use() -> None:
    assert is_short(Need(4, used=80, free=19, starting=0, whole=1))
    assert not is_short(Need(4, used=80, free=20, starting=0, whole=1))


@given(
    st.builds(
        Need,
        capacity=st.integers(1, 8),
        used=st.integers(0, 400),
        free=st.integers(0, 400),
        starting=st.integers(0, 4),
        whole=st.integers(0, 20),
    )
)
def test_pool_never_grows_and_shrinks_at_the_same_time(need: Need) -> None:
    assert not (is_short(need) and is_ample(need))


@given(st.integers(1024, 60_000), st.integers(0, 5000), st.integers(1, 250))
def test_slices_are_even_equal_apart_and_inside(low: int, more: int, count: int) -> None:
    high = low + count * 4 + more
    cuts = slices(low, high, count)
    assert len(cuts) == count
    assert all(
        cut.low % 2 == 0 and cut.high - cut.low == cuts[0].high - cuts[0].low for cut in cuts
    )
    assert all(low <= cut.low < cut.high <= high for cut in cuts)
    assert all(one.high < two.low for one, two in pairwise(cuts))


def test_calls_are_spread_and_one_empty_worker_is_kept_back() -> None:
    selection: WorkerSelection[Worker] = WorkerSelection()
    workers = [Worker(4) for _ in range(3)]
    for worker in workers:
        selection.put(worker)
    taken = []
    for _ in range(9):
        worker = selection.best(1)
        assert worker is not None
        taken.append(workers.index(worker))
        worker.free -= 1
        selection.put(worker)
    assert taken[:2] == [0, 1]
    assert sorted(taken[:8]) == [0, 0, 0, 0, 1, 1, 1, 1]
    assert taken[8] == 2


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 4)), max_size=60), st.integers(1, 5))
def test_worker_is_found_whenever_one_has_the_slots(
    puts: list[tuple[int, int]], count: int
) -> None:
    selection: WorkerSelection[Worker] = WorkerSelection()
    workers = [Worker(0) for _ in range(6)]
    for at, free in puts:
        workers[at].free = free
        selection.put(workers[at])
    there = [workers[at] for at in {at for at, _ in puts}]
    best = selection.best(count)
    fits = [worker for worker in there if worker.free >= count]
    assert best in fits if fits else best is None
    for worker in there:
        selection.remove(worker)
        selection.remove(worker)
    assert selection.best(0) is None

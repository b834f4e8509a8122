import pickle

from hypothesis import given
from hypothesis import strategies as st

from callrouter.recent_cache import RecentCache

MOST = 8


@given(st.lists(st.integers(0, 12), max_size=80))
def test_what_was_used_lately_is_kept_and_no_more_than_was_said(asked: list[int]) -> None:
    cache = RecentCache[int, str](MOST)
    lately: list[int] = []
    for key in asked:
        assert all(cache.newer.get(one) or one in cache._older for one in lately)
        if cache.get(key) is None:
            cache.put(key, f"value {key}")
        lately = [*(one for one in lately if one != key), key][-MOST // 2 :]
        assert cache.get(key) == f"value {key}"
        assert len(cache) <= MOST


def test_key_that_is_asked_for_again_and_again_outlives_a_flood_of_others() -> None:
    cache = RecentCache[str, int](MOST)
    cache.put("busy", 1)
    for number in range(1000):
        cache.put(f"stranger {number}", number)
        if number % (MOST // 2) == 0:
            assert cache.get("busy") == 1
    cache.clear()
    assert (len(cache), cache.get("busy")) == (0, None)


def test_cache_goes_with_the_pickle_of_what_holds_it() -> None:
    cache = RecentCache[str, int](MOST)
    cache.put("key", 1)
    assert pickle.loads(pickle.dumps(cache)).get("key") == 1

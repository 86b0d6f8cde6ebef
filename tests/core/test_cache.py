from __future__ import annotations

from acinus.core.cache import LruCache


def test_the_value_used_longest_ago_goes_first():
    cache = LruCache[str, int](limit=2)
    cache.put("a", 1)
    cache.put("b", 2)
    assert cache.get("a") == 1
    cache.put("c", 3)
    assert [cache.get(key) for key in "abc"] == [1, None, 3]


def test_the_limit_is_of_weights_and_the_last_value_stays_however_heavy():
    gone: list[bytes] = []
    cache = LruCache[str, bytes](limit=4, weigh=len, discard=gone.append)
    cache.put("a", b"12")
    cache.put("b", b"34")
    assert gone == []
    cache.put("c", b"123456789")
    assert gone == [b"12", b"34"]
    assert cache.get("c") == b"123456789"


def test_the_cache_drops_what_was_used_longest_ago_and_closes_it():
    gone: list[str] = []
    cache = LruCache[int, str](limit=2, discard=gone.append)
    cache.put(1, "one")
    cache.put(2, "two")
    assert cache.get(1) == "one"
    cache.put(3, "three")
    assert gone == ["two"]
    cache.put(3, "other")
    assert gone == ["two", "three"]
    cache.clear()
    assert gone == ["two", "three", "one", "other"]
    assert cache.get(1) is None

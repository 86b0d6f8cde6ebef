from __future__ import annotations

import random
import threading

import pytest

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


def test_a_value_is_made_once_while_it_is_held_and_may_be_none():
    made: list[str] = []

    def make(key: str) -> None:
        made.append(key)

    cache = LruCache[str, None](limit=2)
    for key in ("a", "b", "a", "c", "a", "b"):
        assert cache.get_or_make(key, lambda key=key: make(key)) is None
    assert made == ["a", "b", "c", "b"]  # c took the place of b, which had not been used for longest


def test_a_value_that_cannot_be_made_is_not_held():
    cache = LruCache[str, int](limit=2)
    with pytest.raises(ZeroDivisionError):
        cache.get_or_make("a", lambda: 1 // 0)
    assert cache.get_or_make("a", lambda: 5) == 5


def test_it_is_as_large_as_said_after_many_threads_used_it():
    gone: list[bytes] = []
    cache = LruCache[int, bytes](limit=50, weigh=len, discard=gone.append)

    def work(seed: int) -> None:
        rng = random.Random(seed)
        for _ in range(400):
            key = rng.randrange(30)
            assert len(cache.get_or_make(key, lambda key=key: bytes(key))) == key

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    held = [value for key in range(30) if (value := cache.get(key)) is not None]
    assert sum(map(len, held)) <= 50
    assert gone


def test_what_is_forgotten_makes_room():
    gone: list[bytes] = []
    cache = LruCache[str, bytes](limit=4, weigh=len, discard=gone.append)
    cache.put("a", b"12")
    cache.put("b", b"34")
    cache.forget("a")
    cache.forget("never held")
    assert gone == [b"12"]
    cache.put("c", b"56")
    assert cache.get("b") == b"34"

"""A cache with a limit: what was used longest ago goes first."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

__all__ = ["LruCache"]

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class LruCache(Generic[K, V]):
    """Values by key, safe to use from several threads.

    Parameters
    ----------
    limit : float
        Largest sum of weights held; the value stored last stays even when it alone exceeds that.
    weigh : callable
        Weight of a value; by default 1, so that `limit` counts values.
    discard : callable, optional
        Called with every value that has to go.

    Examples
    --------
    >>> squares = LruCache[int, int](limit=2)
    >>> squares.get_or_make(3, lambda: 3 * 3)
    9
    >>> cache = LruCache[str, bytes](limit=5, weigh=len)
    >>> cache.put("a", b"123")
    >>> cache.put("b", b"456")
    >>> cache.get("a"), cache.get("b")
    (None, b'456')
    """

    def __init__(
        self,
        *,
        limit: float,
        weigh: Callable[[V], float] = lambda value: 1.0,
        discard: Callable[[V], None] | None = None,
    ) -> None:
        self._limit = limit
        self._weigh = weigh
        self._discard = discard
        self._held = 0.0
        self._values: OrderedDict[K, V] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: K) -> V | None:
        """Return the value, or None when it is not held."""
        with self._lock:
            if key not in self._values:
                return None
            self._values.move_to_end(key)
            return self._values[key]

    def get_or_make(self, key: K, make: Callable[[], V]) -> V:
        """Return the value, made and held now if it was not held; two threads may both make it.

        A value may be None.
        """
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
        made = make()
        self.put(key, made)
        return made

    def put(self, key: K, value: V) -> None:
        """Hold a value; the oldest go until the limit is kept."""
        gone: list[V] = []
        with self._lock:
            if key in self._values:
                gone.append(self._values.pop(key))
            self._values[key] = value
            self._held += self._weigh(value) - sum(self._weigh(old) for old in gone)
            while self._held > self._limit and len(self._values) > 1:
                _, oldest = self._values.popitem(last=False)
                self._held -= self._weigh(oldest)
                gone.append(oldest)
        self._let_go(gone)

    def forget(self, key: K) -> None:
        """Let a value go if it is held."""
        with self._lock:
            gone = [self._values.pop(key)] if key in self._values else []
            self._held -= sum(map(self._weigh, gone))
        self._let_go(gone)

    def clear(self) -> None:
        """Let everything go."""
        with self._lock:
            gone = list(self._values.values())
            self._values.clear()
            self._held = 0.0
        self._let_go(gone)

    def _let_go(self, gone: list[V]) -> None:
        if self._discard is not None:
            for value in gone:
                self._discard(value)

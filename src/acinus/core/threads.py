"""The same work on many things, by threads that are ahead of whoever asks for the results."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

__all__ = ["in_threads"]

_AHEAD = 2  # items of each thread

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_threads(
    work: Callable[[Item], Result], items: Iterable[Item], *, threads: int
) -> Generator[Result, None, None]:
    """Yield what `work` makes of each item, in order, computed ahead while the caller does something else.

    Two items of each thread are under way or done at a time. Whoever may stop early, and then lets go of
    what `work` uses, closes the generator, which waits for them.

    Parameters
    ----------
    threads : int
        With 0, each item is computed when it is asked for, and by the caller.

    Examples
    --------
    >>> list(in_threads(abs, [-1, 2, -3], threads=1))
    [1, 2, 3]
    """
    if threads == 0:
        yield from map(work, items)
        return
    waiting = iter(items)
    with ThreadPoolExecutor(threads) as pool:
        ahead = deque(pool.submit(work, item) for item in islice(waiting, _AHEAD * threads))
        while ahead:
            result = ahead.popleft().result()
            ahead.extend(pool.submit(work, item) for item in islice(waiting, 1))
            yield result

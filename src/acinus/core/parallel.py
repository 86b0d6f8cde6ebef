"""The same work on many things, in processes of this machine."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack
from typing import Any, TypeVar, cast

import joblib

from acinus.core.interrupts import exit_with_parent, interrupts_deferred

__all__ = ["in_processes"]

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_processes(
    work: Callable[[Item], Result], items: Sequence[Item], *, processes: int
) -> Iterator[Result]:
    """Yield what `work` makes of each item, in order.

    Parameters
    ----------
    work : callable
        Can be pickled, as can items and results.
    processes : int
        With 1, or a single item, everything is computed in this process.

    Examples
    --------
    >>> list(in_processes(abs, [-1, 2], processes=1))
    [1, 2]
    """
    if processes == 1 or len(items) == 1:
        yield from map(work, items)
        return
    # loky starts fresh interpreters, so neither threads nor an unguarded script of the user's are a danger.
    backend = joblib.parallel_config("loky", initializer=exit_with_parent, initargs=(os.getpid(),))
    with ExitStack() as at_end:
        with interrupts_deferred(), backend:
            pool = joblib.Parallel(n_jobs=min(processes, len(items)), return_as="generator")
            results = cast("Generator[Result, Any, Any]", pool(joblib.delayed(work)(item) for item in items))
            at_end.callback(_close_quietly, results)
        for result in results:  # noqa: UP028 (`yield from` would close it, but not quietly)
            yield result


def _close_quietly(results: Generator[Result, Any, Any]) -> None:
    """End the processes of a generator of joblib's, without its warning that they had not finished."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        results.close()

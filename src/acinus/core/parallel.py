"""The same work on many things, in processes of this machine."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack
from typing import Any, TypeVar, cast

import joblib
from joblib.externals.loky.process_executor import ProcessPoolExecutor, TerminatedWorkerError

from acinus.core.interrupts import exit_with_parent, interrupts_deferred

__all__ = ["in_processes"]

_UNDER_WAY = 2  # items that joblib hands out to each process at once

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_processes(
    work: Callable[[Item], Result],
    items: Sequence[Item],
    *,
    processes: int,
    lost: Callable[[Item, str], Result] | None = None,
) -> Iterator[Result]:
    """Yield what `work` makes of each item, in order.

    Parameters
    ----------
    work : callable
        Can be pickled, as can items and results.
    processes : int
        With 1, or a single item, everything is computed in this process, unless `lost` is given.
    lost : callable, optional
        Makes the result of an item whose process was killed, by a fault in a library or for want of memory,
        from the item and how the process ended, such as "SIGSEGV(-11)". The others are computed, some of them
        twice. Without it the first such end is an error. Nothing is then computed in this process, which
        would be killed itself.

    Raises
    ------
    joblib.externals.loky.process_executor.TerminatedWorkerError
        When a process was killed and `lost` is not given.

    Examples
    --------
    >>> list(in_processes(abs, [-1, 2], processes=1))
    [1, 2]
    """
    if processes == 1 or len(items) == 1:
        yield from map(work, items) if lost is None else _one_by_one(work, items, lost)
        return
    done = 0
    while done < len(items):
        try:
            for result in _pooled(work, items[done:], processes=processes):
                done += 1
                yield result
        except TerminatedWorkerError:
            if lost is None:
                raise
            # Which one it was is not known: those that may have been under way are tried one by one.
            for result in _one_by_one(work, items[done : done + _UNDER_WAY * processes], lost):
                done += 1
                yield result


def _pooled(work: Callable[[Item], Result], items: Sequence[Item], *, processes: int) -> Iterator[Result]:
    # loky starts fresh interpreters, so neither threads nor an unguarded script of the user's are a danger.
    backend = joblib.parallel_config("loky", initializer=exit_with_parent, initargs=(os.getpid(),))
    with ExitStack() as at_end:
        with interrupts_deferred(), backend:
            pool = joblib.Parallel(n_jobs=max(2, min(processes, len(items))), return_as="generator")
            results = cast("Generator[Result, Any, Any]", pool(joblib.delayed(work)(item) for item in items))
            at_end.callback(_close_quietly, results)
        for result in results:  # noqa: UP028 (`yield from` would close it, but not quietly)
            yield result


def _one_by_one(
    work: Callable[[Item], Result], items: Sequence[Item], lost: Callable[[Item, str], Result]
) -> Iterator[Result]:
    """Compute items one after the other in a process beside this one; where it is killed, in a new one."""
    executor = None
    try:
        for item in items:
            with interrupts_deferred():
                if executor is None:
                    executor = ProcessPoolExecutor(1, initializer=exit_with_parent, initargs=(os.getpid(),))
                future = executor.submit(work, item)
            try:
                result = cast("Result", future.result())
            except TerminatedWorkerError as error:
                executor = None
                ends = re.search(r"\{(.+)\}", str(error))
                result = lost(item, ends[1] if ends else "no exit code")
            yield result
    finally:
        if executor is not None:
            executor.shutdown(kill_workers=True)


def _close_quietly(results: Generator[Result, Any, Any]) -> None:
    """End the processes of a generator of joblib's, without its warning that they had not finished."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        results.close()

"""The same function in several processes of this machine, which live and die together."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import pickle
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar

from acinus.core.errors import AcinusError
from acinus.core.interrupts import end_with_parent, interrupts_deferred

__all__ = ["launch"]

Result = TypeVar("Result")

_GRACE_SECONDS = 10.0
"""How long processes may take to put things in order before they are killed."""
_NEWS_SECONDS = 3.0
"""How long the news of a killed process may take."""
_AGAIN = "run the same command again to go on"


class _LostError(AcinusError):
    """A process was made to end, which explains every other failure."""


def launch(function: Callable[[], Result], *, count: int) -> Result:
    """Call `function` in `count` processes and return what it returns in the first.

    Each finds its number in ``LOCAL_RANK``, and where to meet the others in ``MASTER_ADDR`` and
    ``MASTER_PORT``. When one fails or is killed, or this process is interrupted or killed, all end.

    Parameters
    ----------
    function : callable
        It and its result can be pickled, since the processes are fresh interpreters.

    Raises
    ------
    AcinusError
        What the first process to fail raised, or that one was killed.
    RuntimeError
        With the traceback, when it raised anything else.
    """
    context = multiprocessing.get_context("spawn")
    meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(_free_port()), "NODE_RANK": "0"}
    processes: list[BaseProcess] = []
    words: dict[Connection, int] = {}
    try:
        with interrupts_deferred():
            for number in range(count):
                receiver, sender = context.Pipe(duplex=False)
                variables = {**meeting, "LOCAL_RANK": str(number)}
                process = context.Process(target=_rank, args=(variables, sender, function))
                process.start()
                sender.close()  # or the end of the process would not be heard
                processes.append(process)
                words[receiver] = number
        result: Result = _first_result(processes, words)
        _wait(processes)
        return result
    finally:
        _end(processes)


def _first_result(processes: Sequence[BaseProcess], words: dict[Connection, int]) -> Any:
    """Wait for the last word of each process; return that of process 0, or raise the error of one.

    A process that is lost makes the others fail too, so the reason is looked for in all of them.
    """
    result = None
    while words:
        errors: list[Exception] = []
        for receiver in multiprocessing.connection.wait(list(words)):
            assert isinstance(receiver, Connection)
            number = words.pop(receiver)
            try:
                word = receiver.recv_bytes()
            except EOFError:
                errors.append(_ended(number, processes))
                continue
            failed, said = pickle.loads(word)
            if failed:
                errors.append(said)
            elif number == 0:
                result = said
        if errors and not any(isinstance(error, AcinusError) for error in errors):
            errors += filter(None, [_killed(processes)])
        if errors:
            raise max(errors, key=_tells)
    return result


def _tells(error: Exception) -> int:
    """How much an error says about the cause: a lost process, then what a user can cause, then the rest."""
    return 2 * isinstance(error, _LostError) + isinstance(error, AcinusError)


def _ended(number: int, processes: Sequence[BaseProcess]) -> AcinusError:
    """Return the error for a process that ended without a word."""
    processes[number].join(_GRACE_SECONDS)
    code, which = processes[number].exitcode, f"process {number} of {len(processes)}"
    if code is not None and code < 0:
        return _LostError(f"{which} was killed, perhaps for want of memory; {_AGAIN}")
    return AcinusError(f"{which} ended with {code}; {_AGAIN}")


def _killed(processes: Sequence[BaseProcess]) -> AcinusError | None:
    """Return the error for a process that was killed, if one was."""
    # Its sockets close, and the others fail for want of it, a moment before the system tells of its end.
    deadline = time.monotonic() + _NEWS_SECONDS
    while True:
        codes = [process.exitcode for process in processes]
        for number, code in enumerate(codes):
            if code is not None and code < 0:
                return _ended(number, processes)
        if None not in codes or time.monotonic() > deadline:
            return None
        time.sleep(0.02)


def _wait(processes: Sequence[BaseProcess]) -> None:
    deadline = time.monotonic() + _GRACE_SECONDS
    for process in processes:
        process.join(max(0.0, deadline - time.monotonic()))


def _end(processes: Sequence[BaseProcess]) -> None:
    """End the processes that still run, at first gently."""
    for process in processes:
        if process.is_alive():
            process.terminate()
    _wait(processes)
    for process in processes:
        process.kill()
        process.join()


def _rank(variables: Mapping[str, str], word: Connection, function: Callable[[], Any]) -> None:
    """Be one of the processes."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    end_with_parent(parent.join)
    os.environ.update(variables)
    number = variables["LOCAL_RANK"]
    said: Any
    try:
        try:
            failed, said = False, function()
        except AcinusError as error:
            failed, said = True, error
        except Exception:
            failed, said = True, RuntimeError(f"in process {number}:\n{traceback.format_exc()}")
        finally:
            # The workers that joblib keeps for its next task would be waited for.
            for worker in multiprocessing.active_children():
                worker.terminate()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it ends anyway
    except KeyboardInterrupt:  # whatever was being done
        failed, said = True, _LostError(f"process {number} was told to end; {_AGAIN}")
    with suppress(BrokenPipeError):
        word.send_bytes(pickle.dumps((failed, said if failed or number == "0" else None)))
    if failed:
        sys.exit(1)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

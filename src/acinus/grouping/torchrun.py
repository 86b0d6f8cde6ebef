"""Processes that fit together, one per device: torchrun starts them, or ``--devices`` as torchrun does."""

from __future__ import annotations

import gc
import logging
import multiprocessing
import os
import signal
import sys
import tempfile
import threading
import time
import traceback
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from multiprocessing.process import BaseProcess
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import distributed

from acinus.core.errors import AcinusError, UsageError
from acinus.core.interrupts import end_with_parent, interrupts_kept_from_children
from acinus.grouping.process_group import ProcessGroup

if TYPE_CHECKING:
    from multiprocessing.queues import SimpleQueue

    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig

__all__ = [
    "count_processes",
    "is_first_process",
    "is_under_torchrun",
    "joined_process_group",
    "run_on_devices",
]

Result = TypeVar("Result")

# Others wait for the first process while it computes stage 1; whoever started them ends them when it fails.
_PATIENCE = timedelta(days=7)
_GRACE_SECONDS = 10
"""How long processes may take to put things in order before they are killed."""
_NEWS_SECONDS = 3.0
"""How long the news of a killed process may take."""
_RESUME = "run the same command again to resume"


def is_under_torchrun() -> bool:
    """Whether torchrun, or `run_on_devices`, started this process."""
    return "TORCHELASTIC_RUN_ID" in os.environ


def is_first_process() -> bool:
    """Whether this process speaks to the user: torchrun starts others that do the same."""
    return not is_under_torchrun() or os.environ["RANK"] == "0"


def count_processes(devices: int, *, batch_crops: int) -> tuple[int, int]:
    """Return how many processes fit together, here and on all machines: those of torchrun, or `devices`.

    Raises
    ------
    UsageError
        When the two contradict each other, or the crops of a step cannot be shared out.
    """
    if devices < 1:
        raise UsageError(f"--devices is {devices}; choose 1 or more")
    here = count = devices
    if is_under_torchrun():
        here, count = int(os.environ["LOCAL_WORLD_SIZE"]), int(os.environ["WORLD_SIZE"])
        if devices not in (1, here):
            raise UsageError(
                f"--devices is {devices}, but torchrun started {here} processes here; leave --devices out"
            )
    if batch_crops % count:
        raise UsageError(
            f"{batch_crops} crops a step cannot be shared out among {count} devices; choose a number of "
            "devices that divides grouping.batch_crops, or change that in the settings file"
        )
    if count > 1 and not distributed.is_available():
        raise UsageError("this PyTorch cannot use several devices (torch.distributed); leave --devices out")
    return here, count


@contextmanager
def joined_process_group(kind: str) -> Iterator[tuple[ProcessGroup, torch.device]]:
    """Meet the other processes that torchrun started, and part when all have done their work.

    Parameters
    ----------
    kind : {"cpu", "cuda"}
        Device of each process: gloo connects those on CPUs, NCCL those on GPUs.
    """
    device = torch.device("cpu")
    if kind == "cuda":
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if kind == "cuda" else "gloo", timeout=_PATIENCE)
    group = ProcessGroup(rank=distributed.get_rank(), size=distributed.get_world_size())
    yield group, device
    # Not after an error: it would wait for those that failed.
    group.barrier()
    # Networks in reference circles still hold the group, whose threads Python's end would not wait for.
    gc.collect()
    distributed.destroy_process_group()


def run_on_devices(function: Callable[[], Result], *, count: int) -> Result:
    """Call `function` in `count` processes that torchrun starts, and return what it returns in the first.

    When one fails or is killed, or this process is interrupted or killed, all end.

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
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError  # seconds, for few users
    from torch.distributed.launcher.api import elastic_launch

    errors: SimpleQueue[Exception] = multiprocessing.get_context("spawn").SimpleQueue()
    others = set(multiprocessing.active_children())
    with tempfile.TemporaryDirectory(prefix="acinus-devices-") as scratch, _torchrun_in_charge():
        try:
            with interrupts_kept_from_children():
                results = elastic_launch(_launch_config(count, scratch), _work)(function, errors)
        except ChildFailedError as error:
            raise _reason(error, errors, count=count) from None
        finally:
            _end(set(multiprocessing.active_children()) - others)
    result: Result = results[0]
    return result


def _launch_config(count: int, scratch: str) -> LaunchConfig:
    """Return torchrun's settings for `count` processes of this machine, which are not started again."""
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs
    from torch.distributed.launcher.api import LaunchConfig

    return LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=count,
        run_id=uuid.uuid4().hex,
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        local_addr="localhost",
        max_restarts=0,
        signals_to_handle="SIGTERM",  # Ctrl-C is a KeyboardInterrupt here, as everywhere
        logs_specs=DefaultLogsSpecs(log_dir=scratch),
        shutdown_timeout=_GRACE_SECONDS,
    )


@contextmanager
def _torchrun_in_charge() -> Iterator[None]:
    """Let torchrun answer SIGTERM, as if it were Ctrl-C, and print nothing of its own."""
    from torch.distributed.elastic.multiprocessing.api import SignalException

    before = signal.getsignal(signal.SIGTERM)
    loggers = [logging.getLogger(name) for name in ("torch.distributed.elastic", "torch.multiprocessing")]
    spread = [logger.propagate for logger in loggers]
    silence = logging.NullHandler()
    for logger in loggers:
        logger.addHandler(silence)
        logger.propagate = False
    try:
        yield
    except SignalException as error:
        raise KeyboardInterrupt from error
    finally:
        for logger, propagate in zip(loggers, spread, strict=True):
            logger.removeHandler(silence)
            logger.propagate = propagate
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)


def _reason(error: ChildFailedError, errors: SimpleQueue[Exception], *, count: int) -> Exception:
    """Return what made the processes end: one that was lost, or the error that came first."""
    [failure] = error.failures.values()
    which = f"process {failure.local_rank} of {count}"
    if failure.exitcode < 0:
        return AcinusError(f"{which} was killed, perhaps for want of memory; {_RESUME}")
    if not errors.empty():
        return errors.get()
    return AcinusError(f"{which} ended with {failure.exitcode}; {_RESUME}")


def _end(processes: Iterable[BaseProcess]) -> None:
    """End what torchrun did not, because it was interrupted itself."""
    left = list(processes)
    for process in left:
        process.terminate()
    deadline = time.monotonic() + _GRACE_SECONDS
    for process in left:
        process.join(max(0.0, deadline - time.monotonic()))
        process.kill()
        process.join()


def _work(function: Callable[[], Result], errors: SimpleQueue[Exception]) -> Result | None:
    """Be one of the processes: return the result in the first; report an error and exit otherwise."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    end_with_parent(parent.join)
    rank = os.environ["RANK"]
    error: Exception
    try:
        try:
            result = function()
        except AcinusError:
            raise
        except Exception:
            # A process that is lost makes the others fail too: then this one is stopped meanwhile.
            text = traceback.format_exc()
            time.sleep(_NEWS_SECONDS)
            raise RuntimeError(f"in process {rank}:\n{text}") from None
        finally:
            # The workers that joblib keeps for its next task would be waited for.
            for worker in multiprocessing.active_children():
                worker.terminate()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # nothing is left to put in order
    except KeyboardInterrupt:  # whatever was being done
        error = AcinusError(f"process {rank} was stopped; {_RESUME}")
    except Exception as caught:
        error = caught
    else:
        return result if rank == "0" else None
    errors.put(error)
    sys.exit(1)

"""Arguments of the verbs that no input could make right: refused before any work is done."""

from __future__ import annotations

from acinus.core.errors import MppError, UsageError
from acinus.core.units import check_mpp

__all__ = ["check_mpp_argument", "check_processes", "check_regions", "check_seed"]

_LARGEST_SEED = 2**32 - 1  # the rounds multiply it by 1000, and PyTorch takes 64 bits


def check_mpp_argument(mpp: float | None) -> None:
    """Refuse a ``--mpp`` that no microscope has; None leaves the resolution to the files.

    Examples
    --------
    >>> check_mpp_argument(50.0)
    Traceback (most recent call last):
    ...
    acinus.core.errors.UsageError: --mpp gives 50 µm/px, expected 0.1 to 4; pass --mpp with the true value
    """
    if mpp is None:
        return
    try:
        check_mpp(mpp, source="--mpp")
    except MppError as error:
        raise UsageError(str(error)) from error


def check_seed(seed: int) -> None:
    """Refuse a seed that random generators do not take."""
    if not 0 <= seed <= _LARGEST_SEED:
        raise UsageError(f"the seed is {seed}; choose a whole number from 0 to {_LARGEST_SEED}")


def check_processes(processes: int | None) -> None:
    """Refuse a number of processes below 1; None means one per core."""
    if processes is not None and processes < 1:
        raise UsageError(f"--processes is {processes}; choose 1 or more, or leave it out for one per core")


def check_regions(regions: int | None) -> None:
    """Refuse a number of regions below 1; None leaves it to the settings."""
    if regions is not None and regions < 1:
        raise UsageError(f"--regions is {regions}; choose 1 or more")

"""What a data set's own file says of it, so that the benchmark can read it by its name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from acinus.data.sample import Sample

__all__ = ["ReferenceSet"]


@dataclass(frozen=True)
class ReferenceSet:
    """A published data set of images whose glands experts outlined.

    Attributes
    ----------
    read : callable
        Takes the data set's folder and returns all its samples; those of its own test part are `held_out`.
    note : str
        What its parts are, as a page says it.
    has_test_part : bool
        Whether it defines a test part. Of one that does not, every image is learnt from without its label,
        and none is held out unless whole patients or folds are asked for.
    parts_glands : bool
        Whether each gland has a label of its own. Where neighbours share one, only pixels are scored.
    """

    read: Callable[[Path], list[Sample]]
    note: str
    has_test_part: bool = True
    parts_glands: bool = True

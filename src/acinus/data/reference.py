"""What a data set's own file says of it, so that the benchmark can read it by its name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from acinus.core.errors import DatasetError
from acinus.core.naming import plural
from acinus.data.sample import Sample

__all__ = ["ReferenceSet", "check_annotated"]

_MOST_NAMED = 4


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


def check_annotated(samples: Sequence[Sample], *, root: Path, source: str) -> None:
    """Refuse samples whose annotations are not there.

    Parameters
    ----------
    samples : sequence of Sample
    root : Path
        The data set's folder, for the message.
    source : str
        Where the data set is obtained, in a sentence.

    Raises
    ------
    DatasetError
        When there is such a sample; the first ones are named.
    """
    lacking = [s.name for s in samples if s.truth_path is not None and not s.truth_path.is_file()]
    if lacking:
        shown = ", ".join(lacking[:_MOST_NAMED]) + (", …" if len(lacking) > _MOST_NAMED else "")
        raise DatasetError(
            f"{root}: {plural(len(lacking), 'image')} without an annotation ({shown}); {source}"
        )

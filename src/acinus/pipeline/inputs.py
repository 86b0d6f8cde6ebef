"""The images that a list of files and folders names."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from acinus.core.errors import InputError
from acinus.data.folder import folder as find_samples
from acinus.data.sample import Sample
from acinus.results.batch import BatchResult

__all__ = ["find_inputs"]


def find_inputs(inputs: Iterable[Path], *, mpp: float | None, result: BatchResult) -> list[Sample]:
    """Return the images among files and in folders; an input without any is noted as failed."""
    samples: dict[str, Sample] = {}
    for entry in inputs:
        try:
            found = find_samples([entry], mpp=mpp)
        except Exception as error:  # a folder that cannot be listed must not stop the batch
            result.failed(str(entry), error)
            continue
        for sample in found:
            known = samples.setdefault(sample.name, sample)
            if known.image_path.resolve() != sample.image_path.resolve():
                clash = InputError(
                    f"{sample.image_path} and {known.image_path} have the same name, so one's results "
                    "would replace the other's; rename one or process them separately"
                )
                result.failed(str(sample.image_path), clash)
    return list(samples.values())

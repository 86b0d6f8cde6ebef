"""Compute one (method, seed): fit, segment, measure time and memory, and only then read labels."""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from acinus.benchmark.job import Files, method_of, samples_of
from acinus.benchmark.method import ShowsClusters, ShowsStages
from acinus.benchmark.scoring import Masks, score_split
from acinus.core.errors import UsageError
from acinus.core.image import LabelMap, RgbImage
from acinus.core.run import versions
from acinus.core.segmenter import ProbabilityMap, Segmenter
from acinus.core.settings import apply_settings
from acinus.inference.instances import InstanceSettings
from acinus.inference.segmentation import segment_image
from acinus.pipeline.device import choose_device

__all__ = ["compute", "peak_memory_bytes"]

_ROUNDING = 1e-3
"""By so much an interpolated probability may leave 0 to 1."""


def compute(plain: Mapping[str, Any], scratch: Path) -> tuple[dict[str, Any], Files]:
    """Return the result of a job and pictures of some of its masks.

    Parameters
    ----------
    plain : mapping
        The job, see `acinus.benchmark.job.Job`.
    scratch : Path
        An empty folder for the method and for its masks.

    Raises
    ------
    UsageError
        When the method does not give what it should.
    """
    method = method_of(plain)
    device = choose_device(plain["device"])
    instances = apply_settings(InstanceSettings(), plain["instances"], where="instances")
    images = [sample.image() for sample in samples_of(plain["fit"])]
    scored = {split: samples_of(part) for split, part in plain["scored"].items()}
    samples = [sample for part in scored.values() for sample in part]

    start = time.monotonic()
    folder = scratch / "method"
    folder.mkdir()
    fitted = method.fit(images, seed=plain["seed"], device=device, folder=folder)
    fit_seconds = time.monotonic() - start
    if not isinstance(fitted, Segmenter):
        raise UsageError(
            f"fit returned a {type(fitted).__name__}, expected an object with mpp and probability(image); "
            "see docs/adding-a-method.md"
        )

    rows: dict[str, Segmenter] = {"": fitted}
    if isinstance(fitted, ShowsStages):
        rows |= fitted.stages
    seconds: dict[str, float] = {}
    for number, (row, segmenter) in enumerate(rows.items()):
        seconds[row] = 0.0
        for sample in samples:
            image = sample.image()
            start = time.monotonic()
            found = segment_image(image, segmenter, instances)
            seconds[row] += (time.monotonic() - start) / len(samples)
            _check_probability(found.probability, image)
            _write_masks(_masks_path(scratch, number, sample.name), image, found.labels, segmenter)
    measured = {"fit_seconds": fit_seconds, "peak_bytes": peak_memory_bytes()}

    # All masks are final; from here on labels are read.
    result: dict[str, Any] = {
        "fingerprint": plain["fingerprint"],
        "method": plain["method"],
        "title": method.title,
        "settings": method.settings,
        "seed": plain["seed"],
        "device": str(device),
        "versions": versions(),
        **measured,
        "collapse": str(getattr(fitted, "collapse", "")),
        "collapsed": bool(getattr(fitted, "collapsed", False)),
        "rows": {},
    }
    files: Files = {}
    for number, (row, segmenter) in enumerate(rows.items()):
        clustered = segmenter if isinstance(segmenter, ShowsClusters) else None
        result["rows"][row] = {
            "seconds_per_image": seconds[row],
            "clusters": clustered.n_clusters if clustered else 2,
            "splits": {
                split: score_split(
                    part,
                    lambda name, number=number: _read_masks(_masks_path(scratch, number, name)),  # type: ignore[misc]
                    n_clusters=clustered.n_clusters if clustered else 2,
                    shared_clusters=clustered.shared_clusters if clustered else True,
                    instances=instances,
                )
                for split, part in scored.items()
            },
        }
        for name in plain["shown"]:
            labels = _read_masks(_masks_path(scratch, number, name)).labels
            files[f"masks/{number}/{name}.png"] = _png(labels)
    return result, files


def peak_memory_bytes() -> int:
    """Return the most memory this process ever had, libraries included (not that of its children)."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else 1024 * peak
    # On Linux ru_maxrss starts at what the parent had when it started this process; VmHWM does not.
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return 1024 * int(line.split()[1])


def _masks_path(scratch: Path, row: int, name: str) -> Path:
    return scratch / f"row{row}-{name}.npz"


def _check_probability(probability: ProbabilityMap, image: RgbImage) -> None:
    low, high = float(probability.min()), float(probability.max())
    if not (low >= -_ROUNDING and high <= 1.0 + _ROUNDING):  # also where either is NaN
        raise UsageError(
            f"its probability of {image.name} goes from {low:g} to {high:g}, expected numbers from 0 to 1; "
            "mend what probability(image) returns"
        )


def _write_masks(path: Path, image: RgbImage, labels: LabelMap, segmenter: Segmenter) -> None:
    """Keep the masks of one image; they wait on disk, so that they do not count as the method's memory."""
    clusters = (labels > 0).astype(np.uint8)
    if isinstance(segmenter, ShowsClusters):
        clusters = segmenter.clusters(image)
        if clusters.shape != labels.shape:
            raise UsageError(
                f"its clusters of {image.name} have the shape {clusters.shape}, expected {labels.shape}; "
                "mend what clusters(image) returns"
            )
    np.savez_compressed(path, labels=labels, clusters=clusters, mpp=np.float64(image.mpp))


def _read_masks(path: Path) -> Masks:
    with np.load(path) as stored:
        return Masks(stored["labels"], stored["clusters"], float(stored["mpp"]))


def _png(labels: LabelMap) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(labels.astype(np.uint16)).save(buffer, format="PNG")
    return buffer.getvalue()

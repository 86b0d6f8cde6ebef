"""Compute one (method, seed): fit, segment, measure time and memory, and only then read labels."""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from PIL import Image

from acinus.benchmark.job import Files, Job
from acinus.benchmark.method import ShowsClusters, ShowsStages
from acinus.benchmark.scoring import Masks, score_split
from acinus.core.errors import UsageError
from acinus.core.image import LabelMap, RgbImage
from acinus.core.run import versions
from acinus.core.segmenter import ProbabilityMap, Segmenter
from acinus.grouping.device import choose_device
from acinus.inference.segmentation import segment_image

__all__ = ["fit_and_score", "peak_memory_bytes"]

_ROUNDING = 1e-3
"""By so much an interpolated probability may leave 0 to 1."""


def fit_and_score(job: Job, scratch: Path) -> tuple[dict[str, Any], Files]:
    """Return the result of a job, and pictures of its masks of the images that the page shows.

    Parameters
    ----------
    job : Job
    scratch : Path
        An empty folder for the method and for its masks.

    Raises
    ------
    UsageError
        When the method does not give what it should.
    """
    device = choose_device(job.device)
    images = [sample.image() for sample in job.splits.fit]
    folder = scratch / "method"
    folder.mkdir()
    start = time.monotonic()
    fitted = job.method.fit(images, seed=job.seed, device=device, folder=folder)
    fit_seconds = time.monotonic() - start
    if not isinstance(fitted, Segmenter):
        raise UsageError(
            f"fit returned a {type(fitted).__name__}, expected an object with mpp and probability(image); "
            "see docs/adding-a-method.md"
        )
    rows: dict[str, Segmenter] = {"": fitted}
    if isinstance(fitted, ShowsStages):
        rows |= fitted.stages
    folders = {row: scratch / f"row{number}" for number, row in enumerate(rows)}
    seconds = {row: _segment_all(segmenter, job, folders[row]) for row, segmenter in rows.items()}
    peak_bytes = peak_memory_bytes()

    # All masks are final; from here on labels are read.
    result = {
        "fingerprint": job.fingerprint,
        "method": job.method.name,
        "title": job.method.title,
        "settings": job.method.settings,
        "seed": job.seed,
        "device": str(device),
        "versions": versions(),
        "fit_seconds": fit_seconds,
        "peak_bytes": peak_bytes,
        "collapse": str(getattr(fitted, "collapse", "")),
        "collapsed": bool(getattr(fitted, "collapsed", False)),
        "rows": {
            row: {"seconds_per_image": seconds[row], **_scored(segmenter, job, folders[row])}
            for row, segmenter in rows.items()
        },
    }
    files = {
        f"masks/{number}/{sample.name}.png": _png(_reader(own)(sample.name).labels)
        for number, own in enumerate(folders.values())
        for sample in job.splits.shown
    }
    return result, files


def peak_memory_bytes() -> int:
    """Return the most memory this process ever had, libraries included (not that of its children)."""
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else 1024 * peak
    # On Linux ru_maxrss starts at what the parent had when it started this process; VmHWM does not.
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return 1024 * int(line.split()[1])


def _segment_all(segmenter: Segmenter, job: Job, folder: Path) -> float:
    """Write the masks of all images that are scored; return the seconds per image."""
    folder.mkdir()
    samples = [sample for part in job.splits.scored.values() for sample in part]
    seconds = 0.0
    for sample in samples:
        image = sample.image()
        start = time.monotonic()
        found = segment_image(image, segmenter, job.instances)
        seconds += time.monotonic() - start
        _check_probability(found.probability, image)
        _write_masks(folder / f"{sample.name}.npz", image, found.labels, segmenter)
    return seconds / len(samples)


def _scored(segmenter: Segmenter, job: Job, folder: Path) -> Mapping[str, Any]:
    clustered = segmenter if isinstance(segmenter, ShowsClusters) else None
    n_clusters = clustered.n_clusters if clustered else 2
    splits = {
        split: score_split(
            part,
            _reader(folder),
            n_clusters=n_clusters,
            shared_clusters=clustered.shared_clusters if clustered else True,
            instances=job.instances,
        )
        for split, part in job.splits.scored.items()
    }
    return {"clusters": n_clusters, "splits": splits}


def _check_probability(probability: ProbabilityMap, image: RgbImage) -> None:
    low, high = float(probability.min()), float(probability.max())
    if not (low >= -_ROUNDING and high <= 1.0 + _ROUNDING):  # also where either is NaN
        raise UsageError(
            f"its probability of {image.name} goes from {low:g} to {high:g}, expected numbers from 0 to 1; "
            "correct what probability(image) returns"
        )


def _write_masks(path: Path, image: RgbImage, labels: LabelMap, segmenter: Segmenter) -> None:
    """Keep the masks of one image; they wait on disk, so that they do not count as the method's memory."""
    clusters = (labels > 0).astype(np.uint8)
    if isinstance(segmenter, ShowsClusters):
        clusters = segmenter.clusters(image)
        if clusters.shape != labels.shape:
            raise UsageError(
                f"its clusters of {image.name} have the shape {clusters.shape}, expected {labels.shape}; "
                "correct what clusters(image) returns"
            )
    np.savez_compressed(path, labels=labels, clusters=clusters, mpp=np.float64(image.mpp))


def _reader(folder: Path) -> Callable[[str], Masks]:
    def read(name: str) -> Masks:
        with np.load(folder / f"{name}.npz") as stored:
            return Masks(stored["labels"], stored["clusters"], float(stored["mpp"]))

    return read


def _png(labels: LabelMap) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(labels.astype(np.uint16)).save(buffer, format="PNG")
    return buffer.getvalue()

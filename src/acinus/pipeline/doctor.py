"""What a person who asks for help should be asked first."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

from acinus.core.cores import usable_cores
from acinus.core.run import versions

__all__ = ["Check", "examine"]

_LEAST_FREE_GB = 2.0


@dataclass(frozen=True)
class Check:
    """One finding."""

    name: str
    passed: bool
    finding: str


def examine() -> Iterator[Check]:
    """Yield every finding; nothing here raises."""
    for name, version in versions().items():
        yield Check(name, version != "not installed", version)
    for name, check in (
        ("device", _device),
        ("OpenSlide", _openslide),
        ("TIFF", _tiff),
        ("PNG", _png),
        ("network", _forward),
    ):
        yield _attempt(name, check)
    memory = psutil.virtual_memory()
    yield Check("memory", True, f"{memory.available / 1e9:.1f} of {memory.total / 1e9:.1f} GB free")
    yield Check("cores", True, f"{usable_cores()} of {os.cpu_count()}")
    free = shutil.disk_usage(Path.cwd()).free / 1e9
    yield Check("disk", free >= _LEAST_FREE_GB, f"{free:.1f} GB free in {Path.cwd()}")


def _attempt(name: str, check: Callable[[], str]) -> Check:
    try:
        return Check(name, True, check())
    except Exception as error:  # a broken library may raise anything
        return Check(name, False, f"{type(error).__name__}: {error}")


def _device() -> str:
    from acinus.grouping.device import choose_device

    return f"{choose_device('auto')} (others with --device)"


def _openslide() -> str:
    import openslide

    return f"openslide-python {openslide.__version__}, library {openslide.__library_version__}"


def _tiff() -> str:
    import tifffile

    pixels = np.arange(32 * 32 * 3, dtype=np.uint8).reshape(32, 32, 3)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "check.tif"
        tifffile.imwrite(path, pixels, tile=(16, 16), compression="lzw", photometric="rgb")
        if not np.array_equal(tifffile.imread(path), pixels):
            raise RuntimeError("a compressed TIFF reads back differently")
    return f"tifffile {tifffile.__version__}, compressed tiles read back"


def _png() -> str:
    import PIL

    return f"Pillow {PIL.__version__}"


def _forward() -> str:
    import torch

    from acinus.networks.unet import UNetSpec

    with torch.no_grad():
        UNetSpec().build().eval()(torch.zeros(1, 3, 64, 64))
    return f"computes, {torch.get_num_threads()} threads"

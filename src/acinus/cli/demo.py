"""``acinus demo``."""

from __future__ import annotations

from pathlib import Path

from acinus.cli.numbers import Whole
from acinus.cli.output import console_progress, say

__all__ = ["demo"]


def demo(*, out: Path = Path("demo-output"), images: Whole = 12, seed: Whole = 0, small: bool = False) -> int:
    """Run the whole job on synthetic images: learn without labels, segment, measure, report.

    Example: acinus demo

    Makes H&E images whose true glands are known, learns from the images alone, and compares at the end.
    Takes a few minutes on two cores; an interrupted demo resumes when it is run again.

    Parameters
    ----------
    out
        Folder for the results.
    images
        How many images are made.
    seed
        Decides everything that is random: the images and what is learnt.
    small
        A short version of about a minute, which shows that everything works but learns little.
    """
    from acinus.pipeline.demo import run_demo

    result = run_demo(out, images=images, seed=seed, small=small, progress=console_progress())
    say(f"{result.glands} glands on {result.images} images, pooled mIoU {result.miou:.3f} without a label")
    for name, path in result.files.items():
        say(f"{name:<10} {path}")
    return 0

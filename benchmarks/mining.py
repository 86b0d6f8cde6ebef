"""Time of stage 1 on GlaS images, training of the shallow network included.

    python benchmarks/mining.py --root DATA/glas

Prints seconds of each part and per image, for a network shared by all images (default) and for one per image.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path

from acinus.core.cores import usable_cores
from acinus.data.glas import glas
from acinus.mining.mine import fit_shallow, mine_proposals
from acinus.mining.settings import MiningSettings


def main() -> None:
    """Mine all images in both ways and print the times."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--processes", type=int, default=usable_cores())
    arguments = parser.parse_args()
    images = [sample.image() for sample in glas(arguments.root)]
    for shared in (True, False):
        settings = MiningSettings()
        settings = replace(settings, shallow=replace(settings.shallow, shared=shared))
        start = time.monotonic()
        networks = fit_shallow(images, settings, seed=0)
        trained = time.monotonic()
        count = len(
            list(mine_proposals(images, settings, networks=networks, seed=0, processes=arguments.processes))
        )
        done = time.monotonic()
        print(
            f"{'shared network' if shared else 'a network per image'}: training {trained - start:.1f} s, "
            f"proposals {done - trained:.1f} s, together {(done - start) / count:.2f} s an image "
            f"({count} images, {arguments.processes} processes)"
        )


if __name__ == "__main__":
    main()

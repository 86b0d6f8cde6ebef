"""Mine with two processes; a script for `test_interrupted`, killed or interrupted while they start.

python interrupted_mining.py MOMENT SIGNAL TARGET

MOMENT is how many processes have been started when the signal is sent, to this process or, where TARGET is
``all``, to all of its group as a terminal does. Ends with 130 after Ctrl-C, and prints the processes that
it started.
"""

from __future__ import annotations

import os
import signal
import sys

import numpy as np
from joblib.externals.loky.backend.process import LokyProcess

from acinus.core.image import RgbImage
from acinus.core.interrupts import sigterm_as_interrupt
from acinus.mining.cue import DarkestCluster
from acinus.mining.mine import mine_proposals
from acinus.mining.settings import MiningSettings
from acinus.mining.train import ShallowSettings

SHALLOW = ShallowSettings(channels=6, responses=5, steps=4, batch_crops=2, crop_px=24, shared=False)
SETTINGS = MiningSettings(shallow=SHALLOW, cue=DarkestCluster(min_cluster_um2=300.0))


def main(moment: int, number: signal.Signals, target: str) -> int:
    start, started = LokyProcess.start, 0

    def send() -> None:
        if started == moment:
            (os.killpg if target == "all" else os.kill)(os.getpid(), number)

    def start_and_send(process: LokyProcess) -> None:
        nonlocal started
        if started == 0:
            send()
        start(process)
        started += 1
        print(process.pid, flush=True)  # noqa: T201
        send()

    LokyProcess.start = start_and_send
    rng = np.random.default_rng(0)
    # More than a pipe holds, so that processes are killed in the middle of reading one.
    images = [
        RgbImage(rng.integers(0, 255, (200, 200, 3), dtype=np.uint8), mpp=1.0, name=f"{k}") for k in range(6)
    ]
    try:
        with sigterm_as_interrupt():
            list(mine_proposals(images, SETTINGS, networks=[], seed=0, processes=2))
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), signal.Signals[sys.argv[2]], sys.argv[3]))

"""What processes do in the tests of `run_on_devices`; as a script, it starts them itself.

python torchrun_work.py HOW FOLDER
"""

from __future__ import annotations

import os
import signal
import sys
import time
from functools import partial
from pathlib import Path

from acinus.core.errors import AcinusError, UsageError
from acinus.grouping.torchrun import run_on_devices


def work(how: str, folder: Path) -> str:
    """Leave one's process id, do what `how` says (process 1 what goes wrong), and wait to be ended."""
    number = os.environ["LOCAL_RANK"]
    (folder / f"pid{number}").write_text(str(os.getpid()))
    try:
        if how == "result":
            return number * 1_000_000  # more than a pipe holds
        if number == "1":
            wait_for(folder / "pid0")
            go_wrong(how)
        elif how == "lost":
            wait_for(folder / "pid1")
            time.sleep(0.1)
            raise RuntimeError("connection closed by peer")
        time.sleep(300)
    finally:
        (folder / f"tidy{number}").touch()
    return ""


def go_wrong(how: str) -> None:
    if how == "usage":
        raise UsageError("there is no such thing; choose another")
    if how == "bug":
        raise ZeroDivisionError("a mistake of ours")
    if how == "lost":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "stopped":
        os.kill(os.getpid(), signal.SIGTERM)


def wait_for(path: Path) -> None:
    while not path.exists():
        time.sleep(0.01)


if __name__ == "__main__":
    try:
        run_on_devices(partial(work, sys.argv[1], Path(sys.argv[2])), count=2)
    except AcinusError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)

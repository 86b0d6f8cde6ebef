from __future__ import annotations

import errno
import fcntl
import subprocess
import sys
from pathlib import Path

import pytest

from acinus.core.errors import UsageError
from acinus.core.lock import locked

HOLDS = """
import sys, time
from pathlib import Path
from acinus.core.lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def holder(tmp_path: Path):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_second_process_is_told_in_one_line(tmp_path, holder):
    line = r"^another acinus process is writing into \S+; wait until it has ended, or choose another --out$"
    with pytest.raises(UsageError, match=line), locked(tmp_path):
        pytest.fail("two processes hold one folder")


def test_a_process_that_was_killed_lets_go(tmp_path, holder):
    holder.kill()
    holder.wait()
    with locked(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_left_of_it_also_after_an_error(tmp_path):
    def fails() -> None:
        assert [entry.name for entry in tmp_path.iterdir()] == [".acinus.lock"]
        raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"), locked(tmp_path):
        fails()
    assert list(tmp_path.iterdir()) == []
    with locked(tmp_path):
        pass


def test_the_same_process_does_not_get_it_twice_either(tmp_path):
    with locked(tmp_path), pytest.raises(UsageError, match="another acinus process"), locked(tmp_path):
        pytest.fail("one folder is held twice")
    with locked(tmp_path):
        pass


def test_a_file_that_a_killed_process_left_does_not_block(tmp_path):
    (tmp_path / ".acinus.lock").write_text("12345\nanother-machine\n")
    with locked(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.EROFS, errno.EIO])
def test_on_a_disk_that_does_not_know_locks_the_block_runs_without(tmp_path, monkeypatch, number):
    def flock(*arguments: object) -> None:
        raise OSError(number, "not here")

    monkeypatch.setattr(fcntl, "flock", flock)
    ran = []
    with locked(tmp_path):
        ran.append(True)
    assert ran


def test_a_process_that_waits_gets_the_folder_when_it_is_free(tmp_path, holder):
    with pytest.raises(UsageError), locked(tmp_path):
        pytest.fail("two processes hold one folder")
    holder.terminate()
    holder.wait()
    with locked(tmp_path):
        assert [entry.name for entry in tmp_path.iterdir()] == [".acinus.lock"]


def test_where_nothing_can_be_locked_the_block_runs_without(tmp_path):
    with locked(tmp_path / "absent"):
        pass

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from acinus.core.errors import InputError, ModelError, OutputError, UsageError
from acinus.core.image import RgbImage
from acinus.grouping.process_group import ProcessGroup
from acinus.grouping.settings import GroupingSettings
from acinus.pipeline.fit_folder import check_folder, claim, fit_record
from acinus.pipeline.settings import Settings

IMAGE = RgbImage(np.zeros((4, 4, 3), np.uint8), mpp=0.5, name="a")
CPU = torch.device("cpu")


def record(
    images: tuple[RgbImage, ...] = (IMAGE,), settings: Settings | None = None, **more: Any
) -> dict[str, Any]:
    options = {"seed": 0, "weights": None, "device": CPU, "inputs": [], **more}
    return fit_record(images, settings or Settings(), **options)


def test_a_new_folder_is_claimed_and_claimed_again_by_the_same_fit_until_it_is_finished(tmp_path):
    folder = tmp_path / "model"
    assert not claim(folder, record(), ProcessGroup())
    written = (folder / "run.json").read_bytes()
    assert not claim(folder, record(), ProcessGroup())
    (folder / "model.json").touch()
    assert claim(folder, record(), ProcessGroup())
    assert (folder / "run.json").read_bytes() == written


def test_whatever_decides_the_result_is_in_the_fingerprint():
    other_pixels = RgbImage(np.ones((4, 4, 3), np.uint8), mpp=0.5, name="a")
    other_name = RgbImage(IMAGE.rgb, mpp=0.5, name="b")
    other_mpp = RgbImage(IMAGE.rgb, mpp=0.6, name="a")
    records = [
        record(),
        record((other_pixels,)),
        record((other_name,)),
        record((other_mpp,)),
        record((IMAGE, other_name)),
        record(settings=Settings(grouping=GroupingSettings(steps=7))),
        record(seed=1),
        record(weights="imagenet"),
        record(device=torch.device("cuda")),
    ]
    assert len({each["fingerprint"] for each in records}) == len(records)
    assert record()["fingerprint"] == records[0]["fingerprint"]
    assert record(inputs=[{"name": "a"}])["fingerprint"] == records[0]["fingerprint"]


def test_a_folder_of_another_fit_is_refused(tmp_path):
    claim(tmp_path, record(), ProcessGroup())
    with pytest.raises(UsageError, match="holds a fit of other images, settings or seed"):
        claim(tmp_path, record(seed=1), ProcessGroup())


def test_what_a_killed_fit_had_half_written_is_removed_and_nothing_else(tmp_path):
    claim(tmp_path, record(), ProcessGroup())
    (tmp_path / "rounds").mkdir()
    half, others = tmp_path / "rounds" / ".round0.0123abcd.tmp.checkpoint", tmp_path / ".my.tmp.notes"
    half.touch()
    others.touch()
    claim(tmp_path, record(), ProcessGroup())
    assert not half.exists()
    assert others.exists()


@pytest.mark.parametrize("text", ["{", "[]", '"fit"'])
def test_a_damaged_run_file_is_named(tmp_path, text):
    (tmp_path / "run.json").write_text(text)
    for check in (check_folder, lambda folder: claim(folder, record(), ProcessGroup())):
        with pytest.raises(ModelError, match=r"run\.json is damaged; delete"):
            check(tmp_path)


def test_a_process_with_other_images_says_so_before_anything_is_written(tmp_path):
    class Second(ProcessGroup):
        def broadcast(self, compute: Any, *arguments: object) -> Any:
            return "another fingerprint"

    with pytest.raises(InputError, match="process 1 found other images or settings than process 0; all need"):
        claim(tmp_path, record(), Second(rank=1, size=2))
    assert list(tmp_path.iterdir()) == []


def test_a_check_leaves_no_folder_behind(tmp_path):
    check_folder(tmp_path / "new" / "model")
    assert list(tmp_path.iterdir()) == []


def test_a_check_refuses_what_a_fit_could_not_use(tmp_path):
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(UsageError, match="is not empty and holds no fit"):
        check_folder(tmp_path)
    (tmp_path / "run.json").write_text(json.dumps({"command": "acinus segment"}))
    with pytest.raises(UsageError, match="holds results of another verb"):
        check_folder(tmp_path)
    with pytest.raises(OutputError):
        check_folder(Path("/proc/model"))


def test_a_finished_fit_is_not_checked_for_space_or_rights(tmp_path):
    (tmp_path / "model.json").touch()
    (tmp_path / "run.json").write_text('{"fingerprint": "0a1b"}')
    check_folder(tmp_path)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["model.json", "run.json"]

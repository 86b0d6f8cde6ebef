"""A slide cut like an array gives what the reader gives, whatever is asked for before."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from acinus.core.errors import InputError
from acinus.core.geometry import Box, Size
from acinus.slides import open_slide, working
from acinus.slides.working import WorkingImage


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    pixels = np.random.default_rng(0).integers(0, 256, (90, 130, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "noise.png")
    return tmp_path / "noise.png"


@pytest.mark.parametrize("kept", [1, 100])
def test_any_rectangle_is_the_reader_s_however_few_blocks_are_kept(picture, monkeypatch, kept):
    monkeypatch.setattr(working, "_BLOCK_PX", 16)
    monkeypatch.setattr(working, "_CACHE_BLOCKS", kept)
    rng = np.random.default_rng(1)
    with open_slide(picture, mpp=0.5) as reader:
        image = WorkingImage(reader, mpp=0.8, size=Size(82, 57))
        assert image.shape == (57, 82, 3)
        for _ in range(30):
            left, right = sorted(rng.choice(83, 2, replace=False).tolist())
            top, bottom = sorted(rng.choice(58, 2, replace=False).tolist())
            box = Box(left, top, right - left, bottom - top)
            expected = reader.read_working(box, mpp=0.8)
            assert np.array_equal(image[top:bottom, left:right], expected)


def test_a_file_that_goes_away_is_said_to_be_unreadable_not_unwritable(picture, monkeypatch):
    with open_slide(picture, mpp=0.5) as reader:

        def gone(*arguments: object, **named: object) -> None:
            raise OSError(5, "Input/output error")

        monkeypatch.setattr(reader, "read_working", gone)
        with pytest.raises(InputError, match=r"noise\.png cannot be read .*copy it again"):
            WorkingImage(reader, mpp=0.5, size=Size(130, 90))[0:4, 0:4]

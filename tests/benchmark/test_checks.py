from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from acinus.benchmark.checks import check_samples
from acinus.core.errors import DatasetError, InputError, MppError
from acinus.core.progress import SilentProgress
from acinus.data.sample import Sample
from acinus.slides.images import read_image


@pytest.fixture
def sample(tmp_path: Path) -> Sample:
    """An image of 80 × 60 px and its label map, which may be replaced."""
    Image.new("RGB", (80, 60), (200, 120, 180)).save(tmp_path / "a.png")
    Image.new("L", (80, 60), 1).save(tmp_path / "a_anno.png")
    return Sample("a", tmp_path / "a.png", tmp_path / "a_anno.png", mpp=0.5)


def check(*samples: Sample) -> None:
    check_samples(samples, progress=SilentProgress())


def test_a_label_map_of_another_size_is_refused_with_both_files_and_sizes(sample):
    check(sample)
    Image.new("L", (60, 80), 1).save(sample.truth_path)
    message = (
        f"a: the labels {sample.truth_path} have 60 × 80 px, their image {sample.image_path} 80 × 60; give"
    )
    with pytest.raises(DatasetError, match=re.escape(message)):
        check(sample)


def test_a_label_map_that_is_none_is_refused_with_both_files(sample):
    message = f"the labels of {sample.image_path} cannot be used: a_anno.png is a colour image, expected one"
    Image.fromarray(np.arange(80 * 60 * 3, dtype=np.uint8).reshape(60, 80, 3)).save(sample.truth_path)
    with pytest.raises(DatasetError, match=re.escape(message)):
        check(sample)
    sample.truth_path.write_bytes(sample.image_path.read_bytes()[:60])
    with pytest.raises(DatasetError, match=r"a\.png cannot be used: a_anno\.png is damaged or truncated"):
        check(sample)


def test_an_image_is_refused_for_whatever_would_keep_it_from_being_read(sample):
    with pytest.raises(MppError, match=r"a\.png has no µm/px; pass --mpp"):
        check(Sample("a", sample.image_path))
    for content, message in ((b"hello", "holds text"), (sample.image_path.read_bytes()[:60], "damaged")):
        broken = sample.image_path.with_name("broken.png")
        broken.write_bytes(content)
        with pytest.raises(InputError, match=message):
            check(sample, Sample("broken", broken, mpp=0.5))
    Image.new("RGB", (80, 31)).save(sample.image_path)
    with pytest.raises(InputError) as ours:
        check(sample)
    with pytest.raises(InputError, match="80 × 31 px, expected at least 32 each way") as theirs:
        read_image(sample.image_path, mpp=0.5)
    assert str(ours.value) == str(theirs.value)


def test_an_image_of_several_folds_is_looked_at_once(sample, monkeypatch):
    read = []
    truth = Sample.truth
    monkeypatch.setattr(Sample, "truth", lambda self: read.append(self.name) or truth(self))
    check(sample, sample, sample)
    assert read == ["a"]

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from acinus.core.errors import DatasetError
from acinus.data.ebhi import EBHI_MPP, ebhi

_NAMES = {
    "Adenocarcinoma": ("GT2001837-1-400-010", "GT2001837-1-400-002"),
    "Low-grade IN": ("GTxc2014132-1-400-001",),
    "Normal": ("GT1838291-1-400-003",),
}
_SHORT = {"Adenocarcinoma": "carcinoma", "Low-grade IN": "low", "Normal": "normal"}


def _write(root: Path, *, released: bool) -> Path:
    """Write the names of four images, with nothing in the files: the loader reads none of them."""
    for kind, names in _NAMES.items():
        for name in names:
            image = root / kind / "image" / f"{name}.png"
            label = root / kind / "label" / f"{name}.png"
            if not released:
                image, label = (root / f"{_SHORT[kind]}_{name}{ending}.png" for ending in ("", "_anno"))
            for path in (image, label):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()
    return root


@pytest.mark.parametrize("released", [True, False])
def test_both_layouts_give_class_patient_and_order(tmp_path, released):
    samples = ebhi(_write(tmp_path, released=released))
    assert [(s.name, s.grade, s.patient) for s in samples] == [
        ("normal_GT1838291-1-400-003", "normal", "1838291"),
        ("low_GTxc2014132-1-400-001", "low", "2014132"),
        ("carcinoma_GT2001837-1-400-002", "carcinoma", "2001837"),
        ("carcinoma_GT2001837-1-400-010", "carcinoma", "2001837"),
    ]
    assert {s.mpp for s in samples} == {EBHI_MPP}
    assert all(s.truth_path is not None and s.truth_path.is_file() for s in samples)


@pytest.mark.parametrize(
    ("released", "path"),
    [(True, "Normal/label/GT1838291-1-400-003.png"), (False, "normal_GT1838291-1-400-003_anno.png")],
)
def test_an_image_without_its_annotation_is_named(tmp_path, released, path):
    (_write(tmp_path, released=released) / path).unlink()
    with pytest.raises(DatasetError, match=r"1 image without an annotation \(normal_GT1838291-1-400-003\)"):
        ebhi(tmp_path)


def test_other_folders_are_refused_with_the_source(tmp_path):
    (tmp_path / "tile.png").touch()
    with pytest.raises(DatasetError, match=r"holds no image of EBHI-Seg; .*21540159"):
        ebhi(tmp_path)
    with pytest.raises(DatasetError, match="none is not a folder"):
        ebhi(tmp_path / "none")


@pytest.mark.real_data
def test_the_real_images_are_201_in_six_classes(acinus_data):
    samples = ebhi(acinus_data / "ebhi")
    grades = {"normal": 13, "polyp": 45, "low": 45, "high": 45, "serrated": 6, "carcinoma": 47}
    assert Counter(sample.grade for sample in samples) == grades
    image, truth = samples[0].image(), samples[0].truth()
    assert (image.shape, truth.shape) == ((224, 224), (224, 224))
    assert np.unique(truth).tolist() == list(range(truth.max() + 1))

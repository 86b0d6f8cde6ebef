from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from acinus.core.errors import DatasetError
from acinus.data.glas import GLAS_COUNTS, GLAS_MPP, glas

HEADER = "name,patient ID, grade (GlaS), grade (Sirinukunwattana et al. 2015)"


def write_glas(root: Path, *, released: bool) -> Path:
    """Write all 165 pairs of tiny images in one of the two layouts, rows ending as in the archive."""
    rows = [HEADER]
    for split, count in GLAS_COUNTS.items():
        folder = root if released else root / split
        folder.mkdir(parents=True, exist_ok=True)
        suffix = "bmp" if released else "png"
        for number in range(1, count + 1):
            Image.new("RGB", (2, 2)).save(folder / f"{split}_{number}.{suffix}")
            Image.new("L", (2, 2)).save(folder / f"{split}_{number}_anno.{suffix}")
            grade = "benign, healthy" if number % 2 else "malignant, poorly differentiated"
            rows.append(f"{split}_{number},{number % 7}, {grade}")
    (root / "Grade.csv").write_text("\r\n".join(rows))
    return root


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_glas(tmp_path_factory.mktemp("released"), released=True)


def test_the_released_archive_and_the_folders_by_split_give_the_same_samples(released, tmp_path):
    ours = write_glas(tmp_path / "ours", released=False)
    for split, count in (*GLAS_COUNTS.items(), ("all", 165)):
        one, other = glas(released, split=split), glas(ours, split=split)
        assert len(one) == len(other) == count
        assert [(s.name, s.patient, s.grade) for s in one] == [(s.name, s.patient, s.grade) for s in other]


def test_samples_come_in_the_order_of_their_numbers_with_grade_and_patient(released):
    samples = glas(released)
    assert [sample.name for sample in samples[:3]] == ["train_1", "train_2", "train_3"]
    assert samples[9].name == "train_10"
    assert (samples[9].patient, samples[9].grade, samples[9].mpp) == ("3", "malignant", GLAS_MPP)
    assert (samples[8].image_path.name, samples[8].truth_path.name) == ("train_9.bmp", "train_9_anno.bmp")


def test_what_is_missing_is_said_by_name_and_number_with_source_and_terms(tmp_path):
    root = write_glas(tmp_path, released=True)
    for number in (3, 7, 8, 9, 85):
        (root / f"train_{number}.bmp").unlink()
    (root / "train_4_anno.bmp").unlink()
    (root / "Grade.csv").write_text("\n".join((root / "Grade.csv").read_text().splitlines()[:-22]))
    with pytest.raises(DatasetError) as caught:
        glas(root)
    text = str(caught.value)
    assert "5 of 85 images missing (train_3, train_7 to train_9, train_85)" in text
    assert "1 of 85 annotations missing (train_4)" in text
    assert "GlaS@MICCAI2015" in text
    assert "research only" in text
    assert "\n" not in text
    with pytest.raises(DatasetError, match=r"22 of 165 rows of Grade\.csv missing \(testA_59 to testA_60"):
        glas(root, split="all")


def test_a_missing_table_and_a_missing_folder_are_said(tmp_path):
    root = write_glas(tmp_path / "a", released=False)
    (root / "Grade.csv").unlink()
    with pytest.raises(DatasetError, match=r"Grade\.csv is missing; GlaS is obtained"):
        glas(root)
    with pytest.raises(DatasetError, match=r"b is not a folder; GlaS is obtained"):
        glas(tmp_path / "b")


@pytest.mark.real_data
def test_the_real_training_images_are_85_of_which_37_are_benign(acinus_data):
    samples = glas(acinus_data / "glas")
    assert len(samples) == 85
    assert sum(sample.grade == "benign" for sample in samples) == 37
    first = samples[0]
    assert (first.patient, first.grade) == ("2", "malignant")
    image, truth = first.image(), first.truth()
    assert (image.name, image.mpp, image.shape) == ("train_1", 0.62, truth.shape)
    assert np.unique(truth).tolist() == list(range(truth.max() + 1))


@pytest.mark.real_data
def test_the_real_folder_lacks_both_test_sets_and_says_so(acinus_data):
    with pytest.raises(DatasetError, match=r"60 of 60 images missing \(testA_1 to testA_60\)"):
        glas(acinus_data / "glas", split="testA")

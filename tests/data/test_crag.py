from __future__ import annotations

from pathlib import Path

import pytest

from acinus.core.errors import DatasetError
from acinus.data.crag import CRAG_COUNTS, crag


def write_crag(root: Path, *, images: str = "Images", annotation: str = "Annotation") -> Path:
    """Write the names of CRAG, with nothing in the files: the loader reads none of them."""
    for split, count in CRAG_COUNTS.items():
        for folder in (images, annotation, "Overlay"):
            (root / split / folder).mkdir(parents=True)
            for number in range(1, count + 1):
                (root / split / folder / f"{split}_{number}.png").touch()
    return root


@pytest.mark.parametrize(("images", "annotation"), [("Images", "Annotation"), ("images", "annotations")])
def test_every_spelling_of_the_folders_gives_all_images_with_their_annotations(tmp_path, images, annotation):
    root = write_crag(tmp_path, images=images, annotation=annotation)
    assert (len(crag(root)), len(crag(root, split="valid")), len(crag(root, split="all"))) == (173, 40, 213)
    tenth = crag(root)[9]
    assert (tenth.name, tenth.mpp) == ("train_10", 0.55)
    assert tenth.truth_path == root / "train" / annotation / "train_10.png"


def test_what_is_missing_is_said_by_name_and_number_with_source_and_terms(tmp_path):
    root = write_crag(tmp_path)
    (root / "train" / "Annotation" / "train_5.png").unlink()
    (root / "train" / "Images" / "train_8.png").unlink()
    with pytest.raises(DatasetError) as caught:
        crag(root)
    text = str(caught.value)
    assert "172 of 173 images in train/Images" in text
    assert "1 image without an annotation in train (train_5)" in text
    assert "1 annotation without an image in train (train_8)" in text
    assert "University of Warwick" in text
    assert "research only" in text
    assert "\n" not in text


def test_long_lists_of_missing_names_are_counted(tmp_path):
    root = write_crag(tmp_path)
    for number in range(1, 15):
        (root / "valid" / "Annotation" / f"valid_{number}.png").unlink()
    with pytest.raises(DatasetError, match=r"14 images without .* \(valid_1, .*valid_10 and 4 more\)"):
        crag(root, split="valid")


def test_missing_folders_are_said(tmp_path):
    (tmp_path / "train" / "Images").mkdir(parents=True)
    with pytest.raises(DatasetError, match=r"\(all\): train/Annotation is missing; valid/Images is missing"):
        crag(tmp_path, split="all")
    with pytest.raises(DatasetError, match="none is not a folder"):
        crag(tmp_path / "none")


def test_names_that_meet_in_both_splits_are_told_apart(tmp_path):
    root = write_crag(tmp_path)
    for folder in ("Images", "Annotation"):
        (root / "valid" / folder / "valid_1.png").rename(root / "valid" / folder / "train_1.png")
    names = [sample.name for sample in crag(root, split="all")]
    assert len(set(names)) == 213
    assert {"train-train_1", "valid-train_1"} <= set(names)

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from acinus.core.errors import DatasetError, MppError
from acinus.data.folder import folder, images_in


def write(path: Path, mode: str = "RGB") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, (40, 40), 1 if mode == "L" else (200, 100, 150)).save(path)
    return path


def test_images_come_in_natural_order_with_their_labels(tmp_path):
    for name in ("a10.png", "a2.tif", "A1.jpg"):
        write(tmp_path / name)
    write(tmp_path / "a10_anno.png", "L")
    write(tmp_path / "a2_mask.bmp", "L")
    write(tmp_path / "labels" / "A1.png", "L")
    (tmp_path / "notes.txt").write_text("no image")
    (tmp_path / ".hidden.png").write_text("no image")
    samples = folder(tmp_path, mpp=0.5)
    assert [sample.name for sample in samples] == ["A1", "a2", "a10"]
    assert [sample.truth_path.name for sample in samples] == ["A1.png", "a2_mask.bmp", "a10_anno.png"]
    assert all(sample.truth().all() and sample.image().mpp == 0.5 for sample in samples)


def test_labels_are_optional_and_asked_for_by_name(tmp_path):
    sample = folder(write(tmp_path / "a.png"), mpp=0.5)[0]
    assert sample.truth_path is None
    with pytest.raises(DatasetError, match=r"a has no labels; put them beside it as a_anno\.png"):
        sample.truth()


def test_an_image_that_merely_ends_in_mask_is_an_image(tmp_path):
    write(tmp_path / "slide_mask.png")
    assert [sample.name for sample in folder(tmp_path)] == ["slide_mask"]


def test_a_list_of_files_and_folders_is_taken_together_each_file_once(tmp_path):
    one, two = write(tmp_path / "x" / "one.png"), write(tmp_path / "y" / "two.png")
    assert [sample.image_path for sample in folder([tmp_path / "y", one, two])] == [one, two]


def test_two_images_of_one_name_are_refused(tmp_path):
    write(tmp_path / "x" / "a.png")
    write(tmp_path / "y" / "a.png")
    with pytest.raises(DatasetError, match=r"2 images share names.*rename them"):
        folder([tmp_path / "x", tmp_path / "y"])


def test_a_link_that_leads_nowhere_and_a_name_that_is_no_text_are_said(tmp_path):
    """Left out in silence, they would be cases lost."""
    whole = write(tmp_path / "a.png")
    (tmp_path / "b.png").symlink_to("gone.png")
    for images in (tmp_path, [whole, tmp_path / "b.png"]):
        with pytest.raises(DatasetError, match=r"b\.png is a link that leads nowhere; mend or delete it"):
            folder(images)
    found = images_in(tmp_path)
    assert [sample.name for sample in found.samples] == ["a"]
    assert list(found.unusable) == [tmp_path / "b.png"]


def test_empty_folders_and_wrong_paths_are_said(tmp_path):
    with pytest.raises(DatasetError, match=r"no image in .*; expected files ending in \.png, .* or a slide"):
        folder(tmp_path)
    (tmp_path / "patient 1").mkdir()
    Image.new("RGB", (40, 40)).save(tmp_path / "patient 1" / "a.png")
    with pytest.raises(DatasetError, match=r"; there are some in .*/patient 1$"):
        folder(tmp_path)
    with pytest.raises(DatasetError, match="no image in an empty list"):
        folder([])
    with pytest.raises(DatasetError, match="nowhere does not exist; check the path"):
        folder(tmp_path / "nowhere")


def test_the_resolution_is_left_to_the_file_unless_given(tmp_path):
    Image.new("RGB", (40, 40)).save(tmp_path / "a.png", dpi=(50800, 50800))
    assert folder(tmp_path)[0].image().mpp == pytest.approx(0.5)
    write(tmp_path / "b.png")
    with pytest.raises(MppError, match=r"b\.png has no µm/px; pass --mpp"):
        folder(tmp_path)[1].image()


@pytest.mark.real_data
def test_a_folder_of_real_images_and_annotations_pairs_them(acinus_data):
    samples = folder(acinus_data / "glas" / "train", mpp=0.62)
    assert len(samples) == 85
    assert samples[1].name == "train_2"
    assert np.unique(samples[1].truth()).size > 2


@pytest.mark.parametrize("suffix", ["jp2", "webp", "JPG", "nd2", "lif", "qptiff"])
def test_files_that_are_meant_as_images_are_taken_whether_they_can_be_read_or_not(tmp_path, suffix):
    """What is passed over in silence is a case lost."""
    (tmp_path / f"a.{suffix}").write_bytes(b"anything")
    assert [sample.name for sample in images_in(tmp_path).samples] == ["a"]


@pytest.mark.parametrize("ending", ["_cp_masks", "_masks", "-labels", "-labelled", "-mask"])
def test_label_maps_of_cellpose_and_of_qupaths_scripts_are_no_images(tmp_path, ending):
    write(tmp_path / "a.png")
    write(tmp_path / f"a{ending}.png", "L")
    [sample] = folder(tmp_path)
    assert sample.truth_path == tmp_path / f"a{ending}.png"

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from acinus.cli import run
from acinus.results.record import write_record

TRUTH = np.zeros((60, 80), np.uint16)
TRUTH[10:30, 10:30] = 1
TRUTH[35:55, 40:70] = 2


def write(path: Path, labels: np.ndarray = TRUTH) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(labels).save(path)
    return path


def scores_of(capsys: pytest.CaptureFixture[str], *words: str | Path) -> dict[str, object]:
    capsys.readouterr()
    assert run(["evaluate", *map(str, words), "--json"]) == 0
    found: dict[str, object] = json.loads(capsys.readouterr().out)
    return found


@pytest.mark.parametrize("predicted", ["p/a/labels.png", "p/a/labels.tif", "p/a.png", "p/a_labels.png"])
@pytest.mark.parametrize(
    "true", ["t/a_anno.bmp", "t/a_anno.png", "t/a.tif", "t/a/labels.png", "t/a_mask.png", "t/labels/a.png"]
)
def test_maps_are_matched_by_the_stem_of_their_image(tmp_path, predicted, true, capsys):
    write(tmp_path / predicted)
    write(tmp_path / true, TRUTH.astype(np.uint8))
    found = scores_of(capsys, tmp_path / "p", tmp_path / "t", "--mpp", "0.5")
    assert [image["name"] for image in found["images"]] == ["a"]
    assert found["pooled"]["miou_label_free"] == 1.0


def test_scores_are_those_computed_by_hand(tmp_path, capsys):
    half = np.where(TRUTH == 1, TRUTH, 0).astype(np.uint16)  # gland 2 of 600 px is missed
    write(tmp_path / "p" / "a" / "labels.png", half)
    write(tmp_path / "t" / "a_anno.png")
    found = scores_of(capsys, tmp_path / "p", tmp_path / "t", "--mpp", "0.5")
    background = (4800 - 1000) / (4800 - 1000 + 600)
    assert found["pooled"]["miou_label_free"] == pytest.approx((400 / 1000 + background) / 2)
    assert found["pooled"]["detection_f1"] == pytest.approx(2 / 3)


def test_predictions_without_a_true_map_are_said(tmp_path, capsys):
    for name in ("a", "b", "c"):
        write(tmp_path / "p" / name / "labels.png")
    write(tmp_path / "t" / "b_anno.png")
    assert run(["evaluate", str(tmp_path / "p"), str(tmp_path / "t"), "--mpp", "0.5"]) == 0
    said = capsys.readouterr()
    assert said.out.startswith("1 image\n")
    assert "2 predictions have no true map (a, c)" in said.err + said.out


def test_a_table_for_people_says_how_many_images_there_were(tmp_path, capsys):
    for name in ("a", "b"):
        write(tmp_path / "p" / name / "labels.png")
        write(tmp_path / "t" / f"{name}_anno.png")
    assert run(["evaluate", str(tmp_path / "p"), str(tmp_path / "t"), "--mpp", "0.5"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "2 images"
    assert "pooled mIoU, label-free        1.0000" in lines


def test_the_table_has_the_pooled_and_the_mean_per_image_miou(tmp_path, capsys):
    empty = np.zeros_like(TRUTH)
    for name, labels in (("a", TRUTH), ("b", empty)):  # IoUs: a 1 and 1; b 0 and 3800/4800
        write(tmp_path / "p" / f"{name}.png", labels)
        write(tmp_path / "t" / f"{name}.png")
    assert run(["evaluate", str(tmp_path / "p"), str(tmp_path / "t"), "--mpp", "0.5"]) == 0
    rows = {line[:30].strip(): line[30:].strip() for line in capsys.readouterr().out.splitlines()[1:]}
    assert rows["pooled mIoU, label-free"] == f"{(1000 / 2000 + 7600 / 8600) / 2:.4f}"
    assert rows["mean of per-image mIoU"] == f"{(1 + 3800 / 4800 / 2) / 2:.4f}"
    assert len(rows) == 9


def test_the_resolution_comes_from_the_note_beside_the_prediction(tmp_path, capsys, image_record):
    write(tmp_path / "p" / "a" / "labels.png")
    write_record(tmp_path / "p" / "a", image_record(mpp=0.62))
    write(tmp_path / "t" / "a_anno.png")
    assert scores_of(capsys, tmp_path / "p", tmp_path / "t")["images"][0]["mpp"] == 0.62
    assert scores_of(capsys, tmp_path / "p", tmp_path / "t", "--mpp", "1")["images"][0]["mpp"] == 1.0


def test_without_a_resolution_pixels_are_compared_and_what_is_in_um_is_left_out_with_a_word(tmp_path, capsys):
    for name in ("a", "b"):
        write(tmp_path / "p" / f"{name}.png")
        write(tmp_path / "t" / f"{name}_anno.png", np.roll(TRUTH, 2, axis=1))
    words = ["evaluate", str(tmp_path / "p"), str(tmp_path / "t")]
    assert run(words) == 0
    said = capsys.readouterr()
    [line] = said.err.splitlines()
    assert (
        line
        == "acinus: no µm/px for 2 of 2 images (a, b), so distances are reported in pixels only; pass --mpp"
    )
    assert "object Hausdorff, px           2.0" in said.out.splitlines()
    assert "µm" not in said.out
    found = scores_of(capsys, tmp_path / "p", tmp_path / "t")
    assert "object_hausdorff_um" not in found["pooled"]
    assert found["pooled"]["object_hausdorff_px_image_mean"] == 2.0
    assert "mpp" not in found["images"][0]
    with_mpp = scores_of(capsys, *words[1:], "--mpp", "0.5")
    assert with_mpp["pooled"]["object_hausdorff_um"] == 1.0
    assert with_mpp["pooled"]["miou_label_free"] == found["pooled"]["miou_label_free"]


def test_where_one_image_of_two_has_a_resolution_only_that_one_has_distances_in_um(
    tmp_path, capsys, image_record
):
    for name in ("a", "b"):
        write(tmp_path / "p" / name / "labels.png")
        write(tmp_path / "t" / f"{name}_anno.png")
    write_record(tmp_path / "p" / "a", image_record(mpp=0.62))
    found = scores_of(capsys, tmp_path / "p", tmp_path / "t")
    assert ["object_hausdorff_um" in image for image in found["images"]] == [True, False]
    assert "object_hausdorff_um" not in found["pooled"]
    assert "object_hausdorff_um_image_mean" not in found["pooled"]


def test_two_files_are_a_pair_whatever_their_names(tmp_path, capsys):
    one, other = write(tmp_path / "out" / "a" / "labels.png"), write(tmp_path / "expert.png")
    found = scores_of(capsys, one, other, "--mpp", "0.5")
    assert found["images"][0]["name"] == "expert"
    assert found["pooled"]["object_dice"] == 1.0


def test_images_beside_their_truth_and_hidden_leftovers_are_no_label_maps(tmp_path, capsys):
    write(tmp_path / "t" / "a_anno.png")
    Image.new("RGB", (80, 60)).save(tmp_path / "t" / "a.png")
    write(tmp_path / "p" / "a" / "labels.png")
    (tmp_path / "p" / "a" / "labels.csv").write_text("label\n")
    write(tmp_path / "p" / ".a.0123abcd.tmp" / "labels.png", TRUTH * 0)
    found = scores_of(capsys, tmp_path / "p", tmp_path / "t", "--mpp", "0.5")
    assert [image["name"] for image in found["images"]] == ["a"]


def test_images_beside_a_folder_of_their_labels_are_no_label_maps(tmp_path, capsys):
    write(tmp_path / "t" / "labels" / "a.png")
    Image.new("RGB", (80, 60)).save(tmp_path / "t" / "a.png")
    write(tmp_path / "p" / "a" / "labels.png")
    found = scores_of(capsys, tmp_path / "p", tmp_path / "t", "--mpp", "0.5")
    assert found["pooled"]["miou_label_free"] == 1.0


def test_what_cannot_be_compared_is_told_in_one_line(tmp_path, error_lines):
    predictions, truth = tmp_path / "p", tmp_path / "t"
    write(truth / "a_anno.png")
    (tmp_path / "empty").mkdir()
    words = ["evaluate", str(predictions), str(truth)]

    def told(code: int, *more: str) -> str:
        assert run([*words, *more]) == code
        [line] = error_lines()
        return line

    assert "p does not exist" in told(1)
    write(predictions / "b" / "labels.png")
    assert "1 of 1 true label maps have no prediction" in told(1, "--mpp", "0.5")
    write(predictions / "a" / "labels.png", TRUTH[:50])
    line = told(1, "--mpp", "0.5")
    assert str(truth / "a_anno.png") in line
    assert "(60, 80), got (50, 80)" in line
    assert "--mpp gives 9 µm/px" in told(2, "--mpp", "9")
    (predictions / "a" / "image.json").write_text("{")
    assert "image.json is damaged (Invalid JSON" in (line := told(1))
    assert line.endswith("run acinus segment on this image again, or pass --mpp")
    write(predictions / "a" / "labels.tif")
    assert "are label maps of one image; leave only one" in told(1, "--mpp", "0.5")
    (predictions / "a" / "labels.tif").unlink()
    (predictions / "a" / "labels.png").write_text("no labels")
    assert "labels.png holds text, not an image" in told(1, "--mpp", "0.5")
    assert run(["evaluate", str(tmp_path / "empty"), str(truth)]) == 1
    [line] = error_lines()
    assert "holds no label map; expected" in line

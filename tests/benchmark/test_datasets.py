from __future__ import annotations

from pathlib import Path

import pytest

from acinus.benchmark import datasets as module
from acinus.benchmark.datasets import DATASETS, Splits, dataset_names, find_splits
from acinus.benchmark.settings import BenchmarkSettings, SyntheticImages
from acinus.core.errors import DatasetError, UsageError
from acinus.data.reference import ReferenceSet
from acinus.data.sample import Sample


def _find(dataset: str, root: Path | None, tmp_path: Path, *, disjoint: bool = False) -> Splits:
    [splits] = _find_all(dataset, root, tmp_path, disjoint=disjoint)
    return splits


def _find_all(
    dataset: str,
    root: Path | None,
    tmp_path: Path,
    *,
    disjoint: bool = False,
    folds: int | None = None,
    mpp: float | None = None,
) -> list[Splits]:
    synthetic = SyntheticImages(fit=2, held_out=1, side_px=48)
    settings = BenchmarkSettings(synthetic=synthetic, folds=folds, patient_disjoint=disjoint)
    return find_splits(dataset, root, settings, mpp=mpp, images_folder=lambda: tmp_path / "synthetic")


def test_synthetic_images_are_made_once_and_no_two_are_alike(tmp_path):
    splits = _find("synthetic", None, tmp_path)
    samples = [*splits.fit, *splits.held_out]
    assert (len(splits.fit), len(splits.held_out)) == (2, 1)
    assert len({sample.name for sample in samples}) == 3
    assert len({sample.image().rgb.tobytes() for sample in samples}) == 3
    times = [sample.image_path.stat().st_mtime_ns for sample in samples]
    again = _find("synthetic", None, tmp_path)
    assert [s.image_path.stat().st_mtime_ns for s in [*again.fit, *again.held_out]] == times
    assert again.fingerprint() == splits.fingerprint()


def test_other_code_makes_new_images_and_keeps_the_old_ones(tmp_path, monkeypatch):
    splits = _find("synthetic", None, tmp_path)
    before = splits.fingerprint()
    monkeypatch.setattr(module, "code_digest", lambda *rooms: "-".join(rooms))
    again = _find("synthetic", None, tmp_path)
    assert again.fit[0].image_path.parents[1].name == "2+1-48px-100-core-data.synthetic"
    assert again.fit[0].image_path != splits.fit[0].image_path
    assert splits.fingerprint() == before


def test_the_fingerprint_changes_with_an_image_a_label_and_the_split(tmp_path):
    splits = _find("synthetic", None, tmp_path)
    seen = {splits.fingerprint(), Splits(splits.fit[:1], splits.held_out, "").fingerprint()}
    seen.add(Splits([*splits.fit, *splits.held_out], [], "").fingerprint())
    for path in (splits.fit[0].image_path, splits.fit[0].truth_path):
        path.write_bytes(path.read_bytes() + b" ")
        seen.add(splits.fingerprint())
    assert len(seen) == 5


@pytest.fixture
def folder(tiles, tmp_path):
    """Three images with labels, and one without."""
    root = tmp_path / "images"
    root.mkdir()
    for path in tiles.iterdir():
        if path.suffix == ".png":
            (root / path.name).write_bytes(path.read_bytes())
    (root / "without.png").write_bytes((tiles / "tile_000.png").read_bytes())
    return root


def test_a_folder_holds_a_fifth_of_its_labelled_images_out_and_learns_from_unlabelled_ones(folder, tmp_path):
    for number in range(12):  # 15 with labels: a quarter would be 4
        for ending in (".png", "_anno.png"):
            (folder / f"more_{number}{ending}").write_bytes((folder / f"tile_000{ending}").read_bytes())
    splits = _find("folder", folder, tmp_path)
    assert (len(splits.fit), len(splits.held_out)) == (13, 3)
    assert "without" in {sample.name for sample in splits.fit}
    assert {name: len(part) for name, part in splits.scored.items()} == {"fit": 12, "held-out": 3}
    for path in folder.glob("*_anno.png"):
        path.unlink()
    with pytest.raises(DatasetError, match="0 images with labels, expected at least 2"):
        _find("folder", folder, tmp_path)


def test_in_folds_each_labelled_image_is_held_out_once_and_the_others_are_always_learnt_from(
    folder, tmp_path
):
    parted = _find_all("folder", folder, tmp_path, folds=3)
    labelled = ["tile_000", "tile_001", "tile_002"]
    assert sorted(sample.name for splits in parted for sample in splits.held_out) == labelled
    for splits in parted:
        names = {sample.name for sample in splits.fit}
        assert names == {*labelled, "without"} - {sample.name for sample in splits.held_out}
    assert len({splits.fingerprint() for splits in parted}) == 3
    with pytest.raises(UsageError, match="there are 3 images, 4 folds were asked for"):
        _find_all("folder", folder, tmp_path, folds=4)
    with pytest.raises(UsageError, match="folds is for images that are read; synthetic ones"):
        _find_all("synthetic", None, tmp_path, folds=2)


def test_arguments_that_do_not_fit_together_are_refused(tmp_path):
    with pytest.raises(UsageError, match="pass --root"):
        _find("glas", None, tmp_path)
    with pytest.raises(UsageError, match="patient_disjoint is for images that are read"):
        _find("synthetic", None, tmp_path, disjoint=True)
    with pytest.raises(UsageError, match="no data set 'glass'"):
        _find("glass", tmp_path, tmp_path)
    with pytest.raises(UsageError, match="synthetic images are made, leave --root out"):
        _find("synthetic", tmp_path, tmp_path)
    for dataset in ("glas", "crag", "ebhi", "rings", "synthetic"):
        with pytest.raises(UsageError, match=f"--mpp is for folder; {dataset} has a resolution of its own"):
            _find_all(dataset, tmp_path, tmp_path, mpp=0.5)


def test_a_folder_that_names_no_patients_cannot_be_split_by_them(folder, tmp_path):
    with pytest.raises(UsageError, match="patient_disjoint: folder does not say whose an image is"):
        _find("folder", folder, tmp_path, disjoint=True)


def _reference(monkeypatch: pytest.MonkeyPatch, samples: list[Sample], **how: bool) -> None:
    """Let there be one more data set, called toy."""
    monkeypatch.setitem(DATASETS, "toy", ReferenceSet(lambda root: samples, note="Its own parts.", **how))


def _samples(held_out: str = "", patients: str = "") -> list[Sample]:
    """Ten images with labels, a to j; some held out by their data set, each of the patient of its place."""
    return [
        Sample(name, Path(name), Path(name), patient=patients[i : i + 1] or None, held_out=name in held_out)
        for i, name in enumerate("abcdefghij")
    ]


def test_a_data_set_is_one_entry_and_its_own_test_part_is_held_out(monkeypatch, tmp_path):
    _reference(monkeypatch, _samples(held_out="bd"))
    assert dataset_names() == ("glas", "crag", "ebhi", "rings", "toy", "synthetic", "folder")
    splits = _find("toy", tmp_path, tmp_path)
    assert [sample.name for sample in splits.held_out] == ["b", "d"]
    assert [sample.name for sample in splits.fit] == list("acefghij")
    assert splits.note == "Its own parts."
    with pytest.raises(UsageError, match="toy is read from a folder; pass --root"):
        _find("toy", None, tmp_path)


def test_of_a_copy_without_test_images_nothing_is_held_out(monkeypatch, tmp_path):
    _reference(monkeypatch, _samples())
    splits = _find("toy", tmp_path, tmp_path)
    assert (len(splits.fit), splits.held_out) == (10, [])
    assert splits.note == "The training part; the test part is not in the folder."
    assert list(splits.scored) == ["fit"]


def test_of_a_data_set_without_a_test_part_all_is_learnt_from_unless_patients_are_held_out(
    monkeypatch, tmp_path
):
    _reference(monkeypatch, _samples(patients="1122334455"), has_test_part=False)
    splits = _find("toy", tmp_path, tmp_path)
    assert (len(splits.fit), splits.held_out) == (10, [])
    assert splits.note == "All images are learnt from, without their labels."
    splits = _find("toy", tmp_path, tmp_path, disjoint=True)
    kept, held = ({sample.patient for sample in part} for part in (splits.fit, splits.held_out))
    assert (len(kept), len(held), kept & held) == (4, 1, set())
    assert "no patient is in both parts" in splits.note


def test_labels_that_join_glands_are_said_however_the_images_are_split(monkeypatch, tmp_path):
    _reference(monkeypatch, _samples(patients="1122334455"), has_test_part=False, parts_glands=False)
    found = [
        _find("toy", tmp_path, tmp_path),
        _find("toy", tmp_path, tmp_path, disjoint=True),
        *_find_all("toy", tmp_path, tmp_path, folds=2),
    ]
    assert {splits.parts_glands for splits in found} == {False}
    assert all(splits.note.endswith(" Its own parts.") for splits in found)
    _reference(monkeypatch, _samples())
    assert _find("toy", tmp_path, tmp_path).parts_glands


def test_classes_are_known_by_the_names_of_images_on_both_sides():
    a, b, c = (Sample(name, Path(name), grade=grade) for name, grade in (("a", "x"), ("b", None), ("c", "y")))
    assert Splits([a, b], [c], "").grades == {"a": "x", "c": "y"}


def test_folds_take_all_images_of_a_data_set_whatever_its_own_parts(monkeypatch, tmp_path):
    _reference(monkeypatch, _samples(held_out="bd", patients="1122334455"))
    parted = _find_all("toy", tmp_path, tmp_path, folds=5, disjoint=True)
    held = [[sample.name for sample in splits.held_out] for splits in parted]
    assert sorted(held) == [["a", "b"], ["c", "d"], ["e", "f"], ["g", "h"], ["i", "j"]]


@pytest.mark.parametrize(("count", "shown"), [(1, "a"), (2, "ab"), (4, "abcd"), (5, "abde"), (10, "adgj")])
def test_images_that_are_shown_are_spread_evenly(count, shown):
    splits = Splits(_samples()[:count], [], "")
    assert "".join(sample.name for sample in splits.shown) == shown


@pytest.mark.real_data
def test_no_patient_of_glas_is_on_both_sides_when_asked_so(acinus_data, tmp_path):
    splits = _find("glas", acinus_data / "glas", tmp_path, disjoint=True)
    kept, held = ({sample.patient for sample in part} for part in (splits.fit, splits.held_out))
    assert kept
    assert held
    assert not kept & held
    parted = _find_all("glas", acinus_data / "glas", tmp_path, disjoint=True, folds=5)
    assert parted[0].fingerprint() == splits.fingerprint()
    held_by_fold = [{sample.patient for sample in fold.held_out} for fold in parted]
    assert sum(len(patients) for patients in held_by_fold) == len(set().union(*held_by_fold))
    assert {len(fold.fit) + len(fold.held_out) for fold in parted} == {len(splits.fit) + len(splits.held_out)}

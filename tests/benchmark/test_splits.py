from __future__ import annotations

from pathlib import Path

import pytest

from acinus.benchmark import splits as splits_module
from acinus.benchmark.plan import SyntheticImages
from acinus.benchmark.splits import Splits, find_splits
from acinus.core.errors import DatasetError, UsageError


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
    return find_splits(
        dataset,
        root,
        synthetic=SyntheticImages(fit=2, held_out=1, side_px=48),
        drawn=lambda: tmp_path / "drawn",
        mpp=mpp,
        patient_disjoint=disjoint,
        folds=folds,
    )


def test_drawn_images_are_drawn_once_and_no_two_are_alike(tmp_path):
    splits = _find("synthetic", None, tmp_path)
    samples = [*splits.fit, *splits.held_out]
    assert (len(splits.fit), len(splits.held_out)) == (2, 1)
    assert len({sample.name for sample in samples}) == 3
    assert len({sample.image().rgb.tobytes() for sample in samples}) == 3
    times = [sample.image_path.stat().st_mtime_ns for sample in samples]
    again = _find("synthetic", None, tmp_path)
    assert [s.image_path.stat().st_mtime_ns for s in [*again.fit, *again.held_out]] == times
    assert again.fingerprint() == splits.fingerprint()


def test_other_code_draws_anew_and_leaves_what_was_drawn(tmp_path, monkeypatch):
    splits = _find("synthetic", None, tmp_path)
    before = splits.fingerprint()
    monkeypatch.setattr(splits_module, "code_digest", lambda *rooms: "-".join(rooms))
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
    with pytest.raises(UsageError, match="synthetic has a part of its own"):
        _find_all("synthetic", None, tmp_path, folds=2)


def test_arguments_that_do_not_fit_together_are_refused(tmp_path):
    with pytest.raises(UsageError, match="pass --root"):
        _find("glas", None, tmp_path)
    with pytest.raises(UsageError, match="GlaS alone"):
        _find("crag", tmp_path, tmp_path, disjoint=True)
    with pytest.raises(UsageError, match="no data set 'glass'"):
        _find("glass", tmp_path, tmp_path)
    with pytest.raises(UsageError, match="synthetic is drawn, leave --root out"):
        _find("synthetic", tmp_path, tmp_path)
    for dataset in ("glas", "crag", "synthetic"):
        with pytest.raises(UsageError, match=f"--mpp is for folder; {dataset} has a resolution of its own"):
            _find_all(dataset, tmp_path, tmp_path, mpp=0.5)


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

from __future__ import annotations

import pytest

from acinus.core.errors import DatasetError
from acinus.data.rings import RINGS_MPP, rings


def test_benign_images_come_first_with_their_patients(tmp_path):
    for name in ("tumour_P5_D4_7_13_2", "benign_P3_C10_3_5_1", "benign_P3_C2_7_3_9"):
        for ending in ("", "_anno"):
            (tmp_path / f"{name}{ending}.png").touch()
    samples = rings(tmp_path)
    assert [(s.name, s.grade, s.patient, s.mpp) for s in samples] == [
        ("benign_P3_C2_7_3_9", "benign", "P3", RINGS_MPP),
        ("benign_P3_C10_3_5_1", "benign", "P3", RINGS_MPP),
        ("tumour_P5_D4_7_13_2", "tumour", "P5", RINGS_MPP),
    ]
    (tmp_path / "tumour_P5_D4_7_13_2_anno.png").unlink()
    with pytest.raises(
        DatasetError, match=r"1 image without an annotation \(tumour_P5_D4_7_13_2\); RINGS is"
    ):
        rings(tmp_path)


def test_other_folders_are_refused_with_the_source(tmp_path):
    with pytest.raises(DatasetError, match=r"holds no image of RINGS; .*h8bdwrtnr5"):
        rings(tmp_path)
    with pytest.raises(DatasetError, match="none is not a folder"):
        rings(tmp_path / "none")


@pytest.mark.real_data
def test_the_real_images_are_eight_and_their_glands_are_numbered(acinus_data):
    samples = rings(acinus_data / "rings")
    assert [sample.grade for sample in samples] == ["benign"] * 4 + ["tumour"] * 4
    assert {sample.patient for sample in samples} == {"P3", "P5"}
    assert [int(sample.truth().max()) for sample in samples] == [5, 7, 3, 7, 5, 6, 22, 10]

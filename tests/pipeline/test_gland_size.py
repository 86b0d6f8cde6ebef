from __future__ import annotations

import json

import numpy as np
import pytest

from acinus.core.errors import ModelError, UsageError
from acinus.core.image import RgbImage
from acinus.core.progress import SilentProgress
from acinus.inference.instances import InstanceSettings
from acinus.pipeline.estimator import GlandSegmenter
from acinus.pipeline.gland_size import (
    GLAND_SIZE_FILE,
    estimated_size,
    size_in_words,
    with_gland_size,
)
from acinus.pipeline.settings import Settings

PLAIN = RgbImage(np.full((60, 60, 3), 200, np.uint8), mpp=1.25)


def test_every_stage_follows_from_the_size_and_a_second_time_changes_nothing():
    settings = with_gland_size(Settings(), (72.0, 552.0))
    assert (settings.mining.mpp, settings.grouping.mpp) == (2.5, 2.5)
    assert settings.grouping.borders.gap_um == 48.0
    assert settings.grouping.self_training is not None
    assert settings.grouping.self_training.min_area_um2 == 3200.0
    assert (settings.refinement.smoothing_um, settings.instances.max_hole_um2) == (7.5, 80_000.0)
    assert with_gland_size(settings, (72.0, 552.0)) == settings


def test_glands_of_colon_have_the_defaults():
    assert with_gland_size(Settings(), (36.0, 276.0)) == Settings(gland_size_um=(36.0, 276.0))


def test_an_estimate_is_kept_and_read_again(tmp_path):
    assert estimated_size([PLAIN], folder=tmp_path, progress=SilentProgress()) == (36.0, 276.0)
    kept = tmp_path / GLAND_SIZE_FILE
    kept.write_text(kept.read_text().replace("276.0", "300.0"))
    assert estimated_size([PLAIN], folder=tmp_path, progress=SilentProgress()) == (36.0, 300.0)
    kept.write_text("{")
    with pytest.raises(ModelError, match="is damaged; delete it and run the same command again"):
        estimated_size([PLAIN], folder=tmp_path, progress=SilentProgress())


@pytest.mark.parametrize("size_um", [(100.0, 50.0), (1.0, 4.0), (500.0, 5000.0)])
def test_a_range_that_no_resolution_suits_is_refused(size_um):
    with pytest.raises(UsageError, match=r"gland_size_um is .* two diameters in µm, the smaller first"):
        Settings(gland_size_um=size_um)


def test_an_estimator_uses_what_follows_from_the_size_and_keeps_what_it_was_given():
    model = GlandSegmenter(gland_size_um=(72.0, 552.0), instances=InstanceSettings(max_hole_um2=5.0))
    assert model.get_params()["gland_size_um"] == (72.0, 552.0)
    assert model.settings.grouping.mpp == 1.25


def test_the_size_of_a_model_is_told_with_its_source(tmp_path):
    described = {"settings": {"gland_size_um": [36.0, 551.6]}}
    (tmp_path / "model.json").write_text(json.dumps(described))
    assert size_in_words(tmp_path) == "36 to 552 µm across, as given"
    (tmp_path / GLAND_SIZE_FILE).write_text(json.dumps({"images": 1}))
    estimated = "36 to 552 µm across, estimated from 1 image; --gland-size overrides it"
    assert size_in_words(tmp_path) == estimated
    (tmp_path / "model.json").write_text(json.dumps(described | {"parent": {"folder": "/models/old"}}))
    assert size_in_words(tmp_path) == "36 to 552 µm across, inherited from /models/old"

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from acinus.benchmark.scoring import Masks, score_split
from acinus.core.errors import DatasetError
from acinus.data.sample import Sample
from acinus.inference.instances import InstanceSettings


@dataclass(frozen=True)
class Drawn(Sample):
    """A sample whose truth is its left half, or its right half for names that end in r."""

    def truth(self) -> np.ndarray:
        labels = np.zeros((60, 80), np.int32)
        labels[:, 40:] = 1
        return labels if self.name.endswith("r") else labels[:, ::-1].copy()


def _score(names: list[str], masks: dict[str, Masks], *, n_clusters: int, shared: bool) -> dict:
    return score_split(
        [Drawn(name, Path(name)) for name in names],
        masks.__getitem__,
        n_clusters=n_clusters,
        shared_clusters=shared,
        instances=InstanceSettings(),
    )


def _halves(left: int, right: int, *, gland: int) -> Masks:
    clusters = np.full((60, 80), left, np.uint8)
    clusters[:, 40:] = right
    return Masks((clusters == gland).astype(np.int32), clusters, 1.0)


def test_an_inverted_mask_scores_nothing_by_itself_and_all_by_the_oracle():
    scores = _score(["l"], {"l": _halves(0, 1, gland=1)}, n_clusters=2, shared=True)
    assert scores["label_free"]["pooled"]["miou_label_free"] == 0.0
    assert scores["oracle"]["pooled"]["miou_label_free"] == 1.0
    assert scores["oracle"]["pooled"]["detection_f1"] == 1.0


def test_the_oracle_of_shared_clusters_names_them_once_for_the_split():
    masks = {"l": _halves(0, 1, gland=1), "r": _halves(0, 1, gland=1)}
    shared = _score(["l", "r"], masks, n_clusters=2, shared=True)
    alone = _score(["l", "r"], masks, n_clusters=2, shared=False)
    assert shared["oracle"]["pooled"]["miou_label_free"] == 1 / 3
    assert alone["oracle"]["pooled"]["miou_label_free"] == 1.0


def test_the_oracle_of_many_clusters_takes_all_that_lie_on_gland():
    clusters = np.zeros((60, 80), np.uint8)
    clusters[:30, :40], clusters[30:, :40], clusters[:, 60:] = 1, 2, 3
    masks = {"l": Masks((clusters == 1).astype(np.int32), clusters, 1.0)}
    scores = _score(["l"], masks, n_clusters=4, shared=True)
    assert scores["label_free"]["pooled"]["pixel_recall"] == 0.5
    assert scores["oracle"]["pooled"]["miou_label_free"] == 1.0


def test_a_mask_that_the_oracle_would_not_change_keeps_its_own_figures():
    scores = _score(["l"], {"l": _halves(1, 0, gland=1)}, n_clusters=2, shared=True)
    assert scores["oracle"] == scores["label_free"]
    assert scores["label_free"]["counts"] == {"l": [2400, 0, 0, 2400]}


def test_labels_that_do_not_lie_on_the_image_are_blamed_by_name():
    half = Masks(np.ones((60, 40), np.int32), np.ones((60, 40), np.uint8), 1.0)
    with pytest.raises(DatasetError, match=r"^r: the labels None have 80 × 60 px, their image r 40 × 60;"):
        _score(["l", "r"], {"l": _halves(1, 0, gland=1), "r": half}, n_clusters=2, shared=True)

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acinus.core.errors import UsageError
from acinus.metrics.confusion import ConfusionMatrix
from acinus.metrics.label_pair import LabelMapError
from acinus.metrics.mapping import ClusterCounts


def counts_of(*rows: tuple[int, int]) -> ClusterCounts:
    return ClusterCounts(np.array(rows, dtype=np.int64))


def test_label_free_mapping_uses_the_named_clusters_alone():
    counts = counts_of((5, 1), (2, 7), (3, 4))
    assert counts.confusion(gland_clusters=[1]) == ConfusionMatrix(7, 2, 5, 8)
    assert counts.confusion(gland_clusters=[]) == ConfusionMatrix(0, 0, 12, 10)


def test_hungarian_pairs_one_cluster_with_gland_and_leaves_the_rest_background():
    counts = counts_of((50, 3), (2, 40), (1, 30))
    assert counts.hungarian() == {1}
    assert counts.confusion(gland_clusters=counts.hungarian()).recall == 40 / 73


def test_majority_maps_every_cluster_that_lies_more_on_gland():
    assert counts_of((50, 3), (2, 40), (1, 30), (5, 5)).majority() == {1, 2}


def test_hungarian_of_two_clusters_is_as_is_or_inverted():
    assert counts_of((1, 9), (8, 2)).hungarian() == {0}
    assert counts_of((8, 2), (1, 9)).hungarian() == {1}


def test_hungarian_forces_two_clusters_apart_where_majority_does_not():
    counts = counts_of((9, 1), (9, 4))  # both mostly background
    assert counts.hungarian() == {1}
    assert counts.majority() == frozenset()


def test_a_single_cluster_takes_its_majority_class():
    assert counts_of((3, 9)).hungarian() == {0}
    assert counts_of((9, 3)).hungarian() == frozenset()


def test_a_cluster_absent_from_an_image_keeps_its_place():
    clusters = np.array([[0, 0, 3]], dtype=np.uint8)
    counts = ClusterCounts.of(clusters, np.array([[True, False, True]]), n_clusters=5)
    assert counts.pixels.tolist() == [[1, 1], [0, 0], [0, 0], [0, 1], [0, 0]]


def test_pooling_images_adds_their_counts():
    assert (counts_of((1, 2), (3, 4)) + counts_of((10, 20), (30, 40))).pixels.tolist() == [[11, 22], [33, 44]]


def test_images_of_different_clusterings_are_not_pooled():
    with pytest.raises(UsageError, match="counts of 2 clusters, got 3"):
        counts_of((1, 2), (3, 4)) + counts_of((1, 2), (3, 4), (5, 6))


def test_a_cluster_beyond_the_number_named_is_refused():
    with pytest.raises(LabelMapError, match="clusters 0 to 1, got 0 to 2"):
        ClusterCounts.of(np.array([[0, 2]]), np.array([[True, False]]), n_clusters=2)


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=2, max_size=6))
def test_hungarian_gets_as_many_pixels_right_as_the_best_of_all_assignments(rows):
    counts = counts_of(*rows)
    best = max(
        rows[background][0] + rows[gland][1] for background, gland in permutations(range(len(rows)), 2)
    )
    (gland,) = counts.hungarian()
    assert max(rows[k][0] for k in range(len(rows)) if k != gland) + rows[gland][1] == best

import numpy as np
import pytest

from acinus.baselines.kmeans import balanced_weights, minibatch_kmeans, nearest, sample_batches, unit_length


def blobs(*, size: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Points (n, 2) around three far corners, and the corner of each."""
    rng = np.random.default_rng(seed)
    corners = np.array([[0, 0], [10, 0], [0, 10]], dtype=np.float32)
    which = np.repeat(np.arange(3), size)
    return (corners[which] + rng.normal(0, 0.3, (3 * size, 2))).astype(np.float32), which


def test_three_blobs_are_three_clusters():
    points, which = blobs(size=50, seed=1)
    centroids = minibatch_kmeans([points], clusters=3, rng=np.random.default_rng(0))
    numbers = nearest(points, centroids)
    assert len({(a, b) for a, b in zip(which.tolist(), numbers.tolist(), strict=True)}) == 3
    for corner in range(3):
        own = centroids[numbers[which == corner][0]]
        assert own == pytest.approx(points[which == corner].mean(axis=0), abs=1e-4)


def test_a_centroid_is_the_running_mean_of_all_it_received():
    first = np.array([[0.0], [2.0], [100.0], [102.0]], dtype=np.float32)
    second = np.array([[4.0], [4.0], [107.0]], dtype=np.float32)
    centroids = minibatch_kmeans([first, second], clusters=2, rng=np.random.default_rng(0))
    assert sorted(centroids.ravel().tolist()) == pytest.approx([10 / 4, 309 / 3])


def test_a_centroid_that_receives_nothing_stays():
    first = np.array([[0.0], [0.0], [100.0]], dtype=np.float32)
    second = np.array([[0.0], [3.0]], dtype=np.float32)
    centroids = minibatch_kmeans([first, second], clusters=2, rng=np.random.default_rng(0))
    assert sorted(centroids.ravel().tolist()) == pytest.approx([3 / 4, 100.0])


def test_fewer_distinct_features_than_clusters_give_fewer_centroids():
    features = np.repeat(np.array([[1.0, 2.0], [3.0, 4.0]], dtype=np.float32), 5, axis=0)
    assert len(minibatch_kmeans([features], clusters=7, rng=np.random.default_rng(0))) == 2


def test_nearest_is_that_of_a_loop_over_all_distances():
    rng = np.random.default_rng(2)
    features = rng.normal(size=(40, 5)).astype(np.float32)
    centroids = rng.normal(size=(6, 5)).astype(np.float32)
    expected = [int(np.argmin([np.linalg.norm(f - c) for c in centroids])) for f in features]
    assert nearest(features, centroids).tolist() == expected


def test_nearest_of_unit_length_is_of_highest_cosine():
    rng = np.random.default_rng(3)
    features = rng.normal(size=(40, 5)).astype(np.float32)
    centroids = rng.normal(size=(6, 5)).astype(np.float32)
    cosines = features @ centroids.T / np.linalg.norm(features, axis=1)[:, None]
    cosines /= np.linalg.norm(centroids, axis=1)
    assert nearest(unit_length(features), unit_length(centroids)).tolist() == cosines.argmax(1).tolist()


def test_balanced_weights_give_every_cluster_the_same_total():
    pixels = np.array([60, 30, 0, 10])
    totals = balanced_weights(pixels) * pixels
    assert totals.tolist() == pytest.approx([100 / 3, 100 / 3, 0.0, 100 / 3], rel=1e-6)


def test_sampled_batches_hold_so_many_pixels_of_each_image_and_no_pixel_twice():
    images = [np.arange(100, dtype=np.float32)[:, None], 1000 + np.arange(8, dtype=np.float32)[:, None]]
    batches = sample_batches(images, per_image=10, batch=6, rng=np.random.default_rng(0))
    drawn = np.concatenate(batches).ravel()
    assert [len(batch) for batch in batches] == [6, 6, 6]
    assert (drawn < 1000).sum() == 10
    assert len(set(drawn.tolist())) == 18

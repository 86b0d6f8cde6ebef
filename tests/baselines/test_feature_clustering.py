import numpy as np
import pytest
import torch

from acinus.baselines.feature_clustering import DifferentiableFeatureClustering
from acinus.core.image import RgbImage
from acinus.data.synthetic import two_texture_tile

CPU = torch.device("cpu")
SHORT = DifferentiableFeatureClustering(steps=5, channels=8)


def test_training_stops_when_few_clusters_are_left():
    records: list[dict[str, float]] = []
    tile = two_texture_tile(0, height_px=120, width_px=120)
    settings = DifferentiableFeatureClustering(least_clusters=8, channels=16)
    settings.fit([tile.image], seed=0, device=CPU, on_step=records.append)
    assert len(records) < settings.steps
    assert records[-1]["clusters"] <= 8 < records[-2]["clusters"]


def test_an_image_is_clustered_alike_whether_fitted_or_met_later():
    first, second = (two_texture_tile(seed, height_px=120, width_px=120).image for seed in (0, 1))
    fitted = SHORT.fit([first, second], seed=4, device=CPU)
    later = SHORT.fit([second], seed=4, device=CPU)
    assert np.array_equal(fitted.clusters(first), later.clusters(first))


def test_an_image_met_later_is_trained_once_for_both_of_its_maps(monkeypatch):
    tiles = [two_texture_tile(seed, height_px=60, width_px=60).image for seed in range(3)]
    first, second, third = (RgbImage(tile.rgb, mpp=SHORT.mpp) for tile in tiles)
    fitted = SHORT.fit([first], seed=4, device=CPU)
    trained = []
    train = DifferentiableFeatureClustering.cluster_image

    def noted(self, rgb, **how):
        trained.append(rgb.tobytes())
        return train(self, rgb, **how)

    monkeypatch.setattr(DifferentiableFeatureClustering, "cluster_image", noted)
    for image in (first, second, third):
        probability, clusters = fitted.probability(image), fitted.clusters(image)
        # Gland is a whole number of clusters, so they are those of one training.
        assert all(np.ptp(probability[clusters == cluster]) == 0 for cluster in np.unique(clusters))
    assert len(trained) == len(set(trained)) == 2


@pytest.mark.parametrize(("height_px", "width_px"), [(1, 1), (1, 9), (9, 1)])
def test_an_image_without_two_pixels_each_way_is_one_cluster(height_px, width_px):
    tile = two_texture_tile(0, height_px=60, width_px=60).image
    small = RgbImage(tile.rgb[:height_px, :width_px], mpp=SHORT.mpp)
    fitted = SHORT.fit([tile, small], seed=0, device=CPU)
    assert np.array_equal(fitted.clusters(small), np.zeros((height_px, width_px)))
    assert np.unique(fitted.probability(small)).size == 1
    assert np.isfinite(fitted.mean_density)


def test_gland_is_what_is_darker_than_the_fitted_images_not_than_the_image_itself():
    tile = two_texture_tile(0, height_px=120, width_px=120).image
    dark = RgbImage((tile.rgb // 4).astype(np.uint8), tile.mpp)
    fitted = SHORT.fit([tile], seed=0, device=CPU)
    assert fitted.probability(dark).min() == 1.0


def test_clusters_of_different_images_are_not_to_be_pooled():
    tile = two_texture_tile(0, height_px=60, width_px=60).image
    assert not SHORT.fit([tile], seed=0, device=CPU).shared_clusters


def test_loss_is_similarity_plus_weighted_continuity():
    records: list[dict[str, float]] = []
    tile = two_texture_tile(0, height_px=60, width_px=60).image
    SHORT.fit([tile], seed=0, device=CPU, on_step=records.append)
    assert records
    for record in records:
        assert np.isclose(record["loss"], record["similarity"] + 5.0 * record["continuity"], rtol=1e-5)

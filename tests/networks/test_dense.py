import pytest
import torch

from acinus.networks.dense import DenseNetwork


@pytest.fixture
def network() -> DenseNetwork:
    torch.manual_seed(0)
    return DenseNetwork(channels=6)


@pytest.mark.parametrize(("height", "width"), [(16, 24), (13, 9), (1, 1)])
def test_images_of_any_size_get_one_embedding_a_pixel(network: DenseNetwork, height: int, width: int):
    assert network.eval()(torch.zeros(2, 3, height, width)).shape == (2, 6, height, width)


def test_an_image_of_one_colour_gets_one_embedding_up_to_its_sides(network: DenseNetwork):
    embedding = network.eval()(torch.full((1, 3, 40, 40), 0.7))
    spread = (embedding - embedding[:, :, :1, :1]).abs().max()
    assert spread.item() < 1e-5


def test_embeddings_are_centred_and_of_unit_variance_while_training(network: DenseNetwork):
    embedding = network.train()(torch.randn(4, 3, 16, 16))
    assert embedding.mean(dim=(0, 2, 3)).abs().max().item() < 1e-4
    assert embedding.var(dim=(0, 2, 3)).sub(1).abs().max().item() < 0.05

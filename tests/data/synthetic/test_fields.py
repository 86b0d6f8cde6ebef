"""Fields are functions of seed and place."""

import numpy as np

from acinus.data.synthetic.fields import SineField, cell_rng, grain, lay_texture


def test_a_field_on_a_grid_is_the_field_at_its_points() -> None:
    field = SineField.draw(np.random.default_rng(1), wavelength_um=80.0)
    x, y = np.linspace(-300, 5000, 700), np.linspace(70, 900, 130)
    at_points = field.at(*np.meshgrid(x, y))
    np.testing.assert_allclose(field.on_grid(x, y), at_points, atol=1e-4)


def test_fields_have_mean_zero_and_variance_one() -> None:
    field = SineField.draw(np.random.default_rng(2), wavelength_um=10.0)
    values = field.on_grid(np.arange(600.0), np.arange(600.0))
    assert abs(values.mean()) < 0.05
    assert abs(values.std() - 1) < 0.1


def test_a_texture_cut_in_parts_is_the_texture_cut_at_once() -> None:
    texture = grain(1.0, 0.5)
    whole = lay_texture(texture, -700, 900, 500, 300)
    np.testing.assert_array_equal(whole[100:, 250:], lay_texture(texture, -450, 1000, 250, 200))


def test_cells_beside_each_other_and_purposes_differ() -> None:
    draws = {cell_rng(1, p, c, r).random() for p in (1, 2) for c in (-1, 0, 1) for r in (-1, 0, 1)}
    assert len(draws) == 18

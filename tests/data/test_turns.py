"""Turned tensors, and their way back."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from acinus.data.turns import turn, turn_back, turn_back_each

TURNS = [(mirrored, quarters) for mirrored in (False, True) for quarters in range(4)]


@pytest.mark.parametrize("by", TURNS)
def test_turning_back_restores_every_pixel(by: tuple[bool, int]):
    numbers = torch.arange(50).reshape(2, 5, 5)
    assert torch.equal(turn_back(turn(numbers, by), by), numbers)


@pytest.mark.parametrize("by", TURNS)
def test_turn_is_mirror_then_quarter_turns_counter_clockwise(by: tuple[bool, int]):
    numbers = np.arange(9).reshape(3, 3)
    expected = np.rot90(np.fliplr(numbers) if by[0] else numbers, by[1])
    assert np.array_equal(turn(torch.from_numpy(numbers), by).numpy(), expected)


def test_the_eight_turns_are_all_different():
    numbers = torch.arange(9).reshape(3, 3)
    assert len({tuple(turn(numbers, by).flatten().tolist()) for by in TURNS}) == 8


def test_each_is_turned_back_by_its_own_turn():
    numbers = torch.arange(32).reshape(2, 1, 4, 4)
    turns = [(True, 1), (False, 3)]
    views = torch.stack([turn(one, by) for one, by in zip(numbers, turns, strict=True)])
    assert torch.equal(turn_back_each(views, turns), numbers)

"""Work and traffic of a convolution, counted by hand, and the list that is measured."""

from __future__ import annotations

import pytest

from cnnkit.bench.growth import grown
from cnnkit.bench.shapes import DIRECTIONS, PHOTO, ConvCase, cases
from cnnkit.ops.conv_shape import conv2d_shape


def test_flops_counted_one_by_one() -> None:
    # 2 images, 3 channels of 4x4, 5 filters of 3x3 at stride 1: 2*5*16 outputs of 3*9 multiply-adds each.
    assert ConvCase(2, 3, 4, 5, 3).flops == 160 * 27 * 2 == 8640
    # At stride 2, a quarter of the outputs.
    assert ConvCase(2, 3, 4, 5, 3, stride=2).flops == 8640 // 4


def test_bytes_counted_one_by_one() -> None:
    # x 2*3*16 = 96 numbers, w 5*3*9 = 135, y 2*5*16 = 160, b 5; four bytes each.
    assert ConvCase(2, 3, 4, 5, 3).bytes == 4 * (96 + 135 + 160 + 5)


def test_terms_of_each_direction() -> None:
    case = ConvCase(2, 3, 4, 5, 3)
    assert [case.terms(direction) for direction in DIRECTIONS] == [27, 45, 32]


@pytest.mark.parametrize(
    ("size", "stride", "kernel"), [(28, 1, 3), (28, 2, 3), (28, 2, 5), (7, 2, 3), (300, 1, 3)]
)
def test_the_output_is_as_large_as_with_padding_same(size: int, stride: int, kernel: int) -> None:
    case = ConvCase(1, 1, size, 1, kernel, stride)
    assert -(-size // stride) == case.OH
    shape = conv2d_shape(case.x_shape, case.w_shape, stride, case.padding, 1)
    assert (shape.OH, shape.OW) == (case.OH, case.OH)
    assert case.flops == 2 * shape.multiply_adds


def test_the_list() -> None:
    everything = cases()
    assert len(everything) == 17 == len(set(everything)) and everything[-1] is PHOTO
    assert {case.stride for case in everything} == {1, 2}
    assert set(cases(quick=True)) < set(everything)
    assert ConvCase(32, 64, 32, 64, 3).flops == 2 * 32 * 64 * 32 * 32 * 64 * 9


@pytest.mark.parametrize(("grows", "factor"), [("batch", 4), ("channels", 16), ("image", 16)])
def test_growth_multiplies_the_work(grows: str, factor: int) -> None:
    start = ConvCase(4, 2, 6, 3, 3)
    assert grown(start, grows, 2).flops == factor * start.flops
    assert grown(start, grows, 0) == start

"""The shapes of a convolution, checked and worked out once for every kernel."""

from __future__ import annotations

from typing import NamedTuple

from ..errors import ShapeError
from .arguments import Padding, Pair, output_size, pad_sides, pair


class Conv2dShape(NamedTuple):
    """All that a convolution's kernels need to know of the shapes, in the order of CONV2D_SHAPE."""

    N: int
    C: int
    H: int
    W: int
    K: int
    R: int
    S: int
    OH: int
    OW: int
    stride_y: int
    stride_x: int
    pad_top: int
    pad_left: int
    dilation_y: int
    dilation_x: int

    @property
    def multiply_adds(self) -> int:
        """Products in the forward pass, padding included."""
        return self.N * self.K * self.OH * self.OW * self.C * self.R * self.S


def conv2d_shape(
    x_shape: tuple[int, ...], w_shape: tuple[int, ...], stride: Pair, padding: Padding, dilation: Pair
) -> Conv2dShape:
    """Check the shapes of a convolution and work out the rest."""
    N, C, H, W = x_shape
    K, depth, R, S = w_shape
    if depth != C:
        raise ShapeError(
            f"conv2d: the input has {C} channels and the filters {depth}: a filter is as deep as its input, "
            f"so w must have shape ({K}, {C}, {R}, {S})."
        )
    if 0 in (C, H, W, K, R, S):
        raise ShapeError(
            f"conv2d: only the batch may be empty, and x has shape {tuple(x_shape)}, w {tuple(w_shape)}."
        )
    strides, dilations = pair(stride, "stride"), pair(dilation, "dilation")
    sides = pad_sides(padding, (H, W), (R, S), strides, dilations)
    OH, OW = output_size("conv2d", (H, W), (R, S), strides, sides, dilations)
    return Conv2dShape(N, C, H, W, K, R, S, OH, OW, *strides, sides[0][0], sides[1][0], *dilations)

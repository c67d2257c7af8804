"""The convolutions that are measured: shapes as they occur in the course's networks, and their cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Direction = Literal["forward", "backward_data", "backward_weight"]
DIRECTIONS: tuple[Direction, ...] = ("forward", "backward_data", "backward_weight")


@dataclass(frozen=True)
class ConvCase:
    """One convolution: N images of C channels and H x H pixels, K filters of R x R.

    The padding is R // 2 on all four sides, which for odd R gives ceil(H / stride) outputs as padding
    "same" does. It is said in numbers because libraries disagree, at stride 2, on the side where "same"
    puts an odd cell: so all of them compute the same thing.
    """

    N: int
    C: int
    H: int
    K: int
    R: int
    stride: int = 1

    @property
    def padding(self) -> int:
        return self.R // 2

    @property
    def OH(self) -> int:
        """Height and width of the output, in pixels."""
        return (self.H + 2 * self.padding - self.R) // self.stride + 1

    @property
    def x_shape(self) -> tuple[int, int, int, int]:
        return (self.N, self.C, self.H, self.H)

    @property
    def w_shape(self) -> tuple[int, int, int, int]:
        return (self.K, self.C, self.R, self.R)

    @property
    def y_shape(self) -> tuple[int, int, int, int]:
        return (self.N, self.K, self.OH, self.OH)

    @property
    def flops(self) -> int:
        """Floating-point operations of any of the three directions, a multiply-add being two.

        2 N K OH OH C R R: products with the padding's zeros are counted, the bias is not, as is usual.
        """
        return 2 * self.N * self.K * self.OH**2 * self.C * self.R**2

    @property
    def numbers(self) -> tuple[int, int, int]:
        """How many numbers x, w and y have."""
        return self.N * self.C * self.H**2, self.K * self.C * self.R**2, self.N * self.K * self.OH**2

    @property
    def bytes(self) -> int:
        """The least that any direction must move, in bytes: x, w and y once each (float32), and the bias.

        Forward reads x, w and writes y; backward-data reads dy, w and writes dx; backward-weight reads dy,
        x and writes dw: the same three sizes.
        """
        return 4 * (sum(self.numbers) + self.K)

    def terms(self, direction: Direction) -> int:
        """How many products are summed into each number of the result."""
        if direction == "forward":
            return self.C * self.R**2
        return self.K * self.R**2 if direction == "backward_data" else self.N * self.OH**2

    def __str__(self) -> str:
        return f"({self.N},{self.C},{self.H},{self.K},{self.R}) /{self.stride}"


_BASE = (
    (64, 1, 28, 8, 3),
    (64, 8, 14, 16, 3),
    (64, 1, 28, 16, 5),
    (64, 16, 14, 32, 5),
    (32, 16, 28, 32, 3),
    (32, 64, 32, 64, 3),
    (64, 3, 32, 12, 3),
    (32, 32, 16, 64, 3),
)
PHOTO = ConvCase(1, 1, 300, 1, 3)  # one filter over one gray photograph


def cases(quick: bool = False) -> list[ConvCase]:
    """The issue's list: each shape with stride 1 and 2, and the photograph; with `quick`, stride 1 alone."""
    strides = (1,) if quick else (1, 2)
    return [ConvCase(*base, stride=stride) for stride in strides for base in _BASE] + [PHOTO]

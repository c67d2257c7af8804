"""The one place where a kernel's variant is chosen, from the device and the shape.

Every operation has `plain`, the formula itself; faster variants are added to the table and to
`choose`. A caller may name one (`conv2d(..., variant="plain")`): the course's comparisons run the
library's own kernels, never copies of them.
"""

from __future__ import annotations

from ..device import Device
from ..errors import CnnkitError

VARIANTS: dict[str, tuple[str, ...]] = {
    "conv2d_forward": ("plain", "tiled", "gemm", "implicit_gemm", "blocked"),
    "conv2d_backward_data": ("plain", "gemm", "implicit_gemm", "blocked"),
    "conv2d_backward_weight": ("plain", "gemm", "implicit_gemm", "blocked"),
    "max_pool2d_forward": ("plain", "blocked"),
    "max_pool2d_backward": ("plain", "blocked"),
    "matmul": ("plain", "blocked"),
}

# Below this many multiply-adds the packing costs more than it gains.
SMALL = 4096
# Above this many numbers of scratch memory (256 MiB) no speed is worth it.
LARGE = 1 << 26


def choose(
    operation: str, device: Device, multiply_adds: int, named: str | None = None, scratch: int = 0
) -> str:
    """The variant of `operation` for `device`, this much work and scratch memory (in numbers).

    The named one, if any, else the best known: on CPUs `blocked`, whose long vectors suit them; elsewhere
    `implicit_gemm`, whose many small work-items suit GPUs.
    """
    known = VARIANTS[operation]
    if named is not None:
        if named not in known:
            raise CnnkitError(f"{operation} has no variant {named!r}; it has: {', '.join(known)}.")
        return named
    best = "blocked" if device.kind == "CPU" and scratch <= LARGE else "implicit_gemm"
    return best if best in known and multiply_adds > SMALL and device.kind != "simulator" else "plain"

"""The one place where a kernel's variant is chosen, from the device and the shape.

A caller may name one (`conv2d(..., variant="plain")`): the course's comparisons run the library's own
kernels, never copies of them. Its ideas are told above it in `kernels/`:

- `plain` (conv2d.cl, matmul.cl, pool2d.cl): the formula itself, one work-item per number;
- `tiled` (conv2d_tiled.cl): a work-group shares the pixels it fetched, in local memory;
- `gemm` (im2col.cl, matmul.cl): patches written out as a matrix, then a matrix product;
- `implicit_gemm` (conv2d_implicit_gemm.cl): that product without ever storing the patches, for GPUs;
- `blocked` (conv2d_blocked.cl, matmul.cl, pool2d.cl): sums in vector registers, for CPUs.

`docs/performance.md` has what each brings.
"""

from __future__ import annotations

from ..device import Device
from ..errors import CnnkitError, shown
from .rounds import check_rounds, too_long

VARIANTS: dict[str, tuple[str, ...]] = {
    "conv2d_forward": ("plain", "tiled", "gemm", "implicit_gemm", "blocked"),
    "conv2d_backward_data": ("plain", "gemm", "implicit_gemm", "blocked"),
    "conv2d_backward_weight": ("plain", "gemm", "implicit_gemm", "blocked"),
    "max_pool2d_forward": ("plain", "blocked"),
    "max_pool2d_backward": ("plain", "blocked"),
    "matmul": ("plain", "blocked"),
}

# Below this much work the packing costs more than it gains.
SMALL = 4096
# Above this many numbers of scratch memory (256 MiB) no speed is worth it.
LARGE = 1 << 26


def choose(
    operation: str, device: Device, work: int, named: str | None = None, scratch: int = 0, rounds: int = 0
) -> str:
    """The variant of `operation` for `device`, this much work and scratch memory (in numbers).

    The named one, if any. Else `plain` for little work and on simulators; on CPUs `blocked`, unless it would
    take too much scratch memory; elsewhere, and then, `implicit_gemm` (not measured on a GPU yet); `plain`
    where the operation has no such variant, and on a device that would end the loops of the blocked kernel,
    whose work-items go round at most `rounds` times. `work` is about the number of multiply-adds.
    """
    known = VARIANTS[operation]
    if named is not None:
        if not isinstance(named, str) or named not in known:
            raise CnnkitError(f"{operation} has no variant {shown(named)}; it has: {', '.join(known)}.")
        if named == "blocked":
            check_rounds(device, rounds, f"The blocked kernel of {operation}")
        return named
    if too_long(device, rounds):
        return "plain"
    room = min(LARGE, device.max_allocation_bytes // 4)
    best = "blocked" if device.kind == "CPU" and scratch <= room else "implicit_gemm"
    return best if best in known and work > SMALL and device.kind != "simulator" else "plain"

"""Some drivers end long loops without a word: Mesa's llvmpipe, when a work-item has gone round 65 535 times.

The self-test finds that out (`Device.longest_loop`). A sum that was cut off would be a wrong number and no
error, so what would take longer is computed by another kernel, or refused here.
"""

from __future__ import annotations

from ..device import Device
from ..errors import DeviceError


def rounds_of(*loops: int) -> int:
    """How often a work-item goes round `loops`, each inside the one before, with those sizes.

    The driver counts the round, too, in which a loop finds that it is over, and for a loop that holds others
    one more (measured); here, each loop counts two.
    """
    total = 0
    for size in reversed(loops):
        total = size * (1 + total) + 2
    return total


def too_long(device: Device, rounds: int) -> bool:
    """Would this device end a work-item that goes round `rounds` times, over all of its loops?"""
    return device.longest_loop is not None and rounds > device.longest_loop


def check_rounds(device: Device, rounds: int, what: str) -> None:
    """Raise DeviceError where `what` cannot be computed on this device."""
    if too_long(device, rounds):
        raise DeviceError(
            f"{what} takes {rounds:,} rounds of a loop for each number, and {device.name} ends every loop "
            f"after {device.longest_loop:,} without a word: use a smaller batch or image, or another device "
            "(cnnkit.devices() lists them)."
        )

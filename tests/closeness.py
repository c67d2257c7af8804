"""How far float32 may be from the float64 definition."""

import numpy as np


def assert_close(got, expected, length=1, factor=1e-6, scale=None):
    """Compare a device array with the reference.

    The error allowed is `factor` times the reference's root mean square times sqrt(length), where `length` is
    the number of terms in each sum. Where terms cancel, so that the result is small beside them, pass their
    size as `scale`. NaN and infinities must stand in the same places.
    """
    got = np.asarray(got.get() if hasattr(got, "get") else got, np.float64)
    expected = np.asarray(expected, np.float64)
    assert got.shape == expected.shape, f"shape {got.shape} where {expected.shape} is right"
    finite = np.isfinite(expected)
    np.testing.assert_array_equal(got[~finite], expected[~finite])
    if not finite.any():
        return
    if scale is None:
        scale = max(np.sqrt(np.mean(expected[finite] ** 2)), 1e-30)
    allowed = factor * scale * np.sqrt(max(length, 1)) + 1e-37
    error = np.abs(got[finite] - expected[finite]).max()
    assert error <= allowed, f"largest error {error:.3g}, allowed {allowed:.3g}"

"""Numbers and shapes as a person writes them; `canvas.js` and `chart.js` follow the same rules."""

from __future__ import annotations

import math

MINUS = "\u2212"


def number(value: float, digits: int = 3) -> str:
    """`value` with `digits` significant digits, no exponent between 0.001 and 999 999, a true minus sign."""
    value = float(value)
    if math.isnan(value):
        return "not a number"
    if math.isinf(value):
        return "infinity" if value > 0 else f"{MINUS}infinity"
    if value == 0:
        return "0"
    if 1e-3 <= abs(value) < 1e6:
        decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
        text = f"{value:.{decimals}f}"
        if "." in text:
            text = text.rstrip("0").rstrip(".")
    else:
        mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
        text = f"{mantissa}e{int(exponent)}"
    return text.replace("-", MINUS)


def signed(value: float, digits: int = 3) -> str:
    """`number` for use inside a product: negative values stand in parentheses."""
    text = number(value, digits)
    return f"({text})" if text.startswith(MINUS) else text


def times(*sizes: int) -> str:
    """Sizes as `300 × 300`."""
    return " × ".join(str(size) for size in sizes)


def count(amount: int, noun: str, plural: str | None = None) -> str:
    """`1 row`, `2 rows`."""
    return f"{amount} {noun if amount == 1 else plural or noun + 's'}"


def grouped(amount: int) -> str:
    """A count with its thousands apart: `89 401`, unbroken at the line's end."""
    return f"{amount:,}".replace(",", "\u00a0")


def sentence(error: BaseException) -> str:
    """What an explorer shows for an error: cnnkit's own sentences as they are, others with their kind."""
    from ...errors import CnnkitError

    text = " ".join(str(error).split())
    if isinstance(error, CnnkitError):
        return text
    return f"Something went wrong here ({type(error).__name__}): {text or 'no further words'}"

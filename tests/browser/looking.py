"""How browser tests look at explorers and move them."""

from __future__ import annotations

import base64
import io
import os
import re
from pathlib import Path

import numpy as np
from PIL import Image


def picture(name: str) -> str:
    return f".cnnkit-canvas[data-name={name}]"


def pixels(page, name: str) -> np.ndarray:
    """What the browser's canvas holds, (H, W, 3)."""
    url = page.locator(f"{picture(name)} .cnnkit-pixels").evaluate("canvas => canvas.toDataURL()")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(url.split(",")[1]))).convert("RGB"))


def wait_for_picture(page, name: str, expected: np.ndarray, seconds: float = 20) -> None:
    """Until the canvas shows `expected` (H, W, 4), with one color step of leave for float32 sums."""
    expected = expected[..., :3].astype(int)
    for _ in range(int(seconds / 0.05)):
        shown = pixels(page, name).astype(int)
        if shown.shape == expected.shape and np.abs(shown - expected).max() <= 4:
            return
        page.wait_for_timeout(50)
    difference = np.abs(shown - expected).max() if shown.shape == expected.shape else "of another shape"
    raise AssertionError(f"{name} shows {shown.shape}, expected {expected.shape}, difference {difference}")


def slider(page, label: str):
    return page.get_by_role("slider", name=label, exact=True)


def wait_for_text(page, selector: str, pattern: str) -> str:
    """Until the text at `selector` matches; returns it."""
    for _ in range(400):
        text = " ".join(page.locator(selector).all_inner_texts())
        if re.search(pattern, text):
            return text
        page.wait_for_timeout(50)
    raise AssertionError(f"{selector} says {text!r}, which does not match {pattern!r}")


def keep_screenshot(page, name: str) -> None:
    if folder := os.environ.get("CNNKIT_SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png")


def point_at(page, name: str, row: int, column: int, shape: tuple[int, int]) -> None:
    """Move the mouse over one pixel of a picture."""
    canvas = page.locator(f"{picture(name)} .cnnkit-pixels")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    page.mouse.move(
        box["x"] + (column + 0.5) / shape[1] * box["width"], box["y"] + (row + 0.5) / shape[0] * box["height"]
    )


def wait_for_value(page, label: str, value: str) -> None:
    for _ in range(200):
        if page.get_by_label(label).input_value() == value:
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"{label} is {page.get_by_label(label).input_value()}, not {value}")


# Parts of the explorer that reach beyond its right edge.
OVERFLOW = """(root, parts) => {
    const right = root.getBoundingClientRect().right + 1;
    return [...root.querySelectorAll(parts)]
        .filter(part => part.offsetParent !== null && part.getBoundingClientRect().right > right)
        .map(part => part.outerHTML.slice(0, 150));
}"""

# Texts whose contrast to the notebook's ground is below 4.5 (WCAG 2, level AA).
CONTRAST = """(root, parts) => {
    const linear = share => share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    const light = color => {
        const [red, green, blue] = color.match(/[\\d.]+/g).map(value => linear(value / 255));
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    const ground = light(getComputedStyle(document.querySelector('.jp-Notebook')).backgroundColor);
    const contrast = text => (Math.max(text, ground) + 0.05) / (Math.min(text, ground) + 0.05);
    return [...root.querySelectorAll(parts)]
        .filter(part => part.textContent && part.offsetParent !== null)
        .map(part => [part.className, contrast(light(getComputedStyle(part).color))])
        .filter(([name, value]) => value < 4.5);
}"""

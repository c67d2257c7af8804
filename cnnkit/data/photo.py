"""One photograph as an array: the one that ships with Matplotlib, or any image file of yours."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from numpy.typing import NDArray

from cnnkit.errors import DataError

if TYPE_CHECKING:
    from PIL import Image

# More than the camera of a good phone in its usual mode. All together stays below 1 GiB: 4 bytes a pixel as
# decoded, and 12 as three channels of float32, or 4 and 4 more while colors are converted.
MAX_PIXELS = 40_000_000
STRIP = 256  # rows


def photo(
    path: str | os.PathLike[str] | BinaryIO | None = None, size: int | None = 300, gray: bool = True
) -> NDArray[np.float32]:
    """Read a photograph as float32 in [0, 1], shape (1, 1, size, size), or (1, 3, size, size) in color.

    Without a path it is Matplotlib's sample picture of Grace Hopper, inventor of the first compiler
    (official U.S. Navy photograph by James S. Davis, 1984; public domain).

    The middle square is cut out and resized with antialiasing (Lanczos). Gray is the luma of ITU-R
    BT.601, 0.299 R + 0.587 G + 0.114 B. The camera's orientation mark (EXIF) is obeyed, transparency is
    laid on white, and pictures with a palette, 16 bits per value or printing colors (CMYK) are converted.

    Args:
        path: an image file in any format that Pillow reads, or an open binary file.
        size: side of the square in pixels; None keeps the picture's own height and width, uncropped.
        gray: one gray channel, or three (red, green, blue).

    Raises:
        DataError: no such file, not a picture, a damaged one, or more than 40 million pixels.
    """
    limit = int(MAX_PIXELS**0.5)
    if size is not None and not 1 <= size <= limit:
        raise DataError(f"size must be between 1 and {limit} pixels, not {size}.")
    from PIL import Image

    source = _sample_photo() if path is None else path
    if isinstance(source, (str, os.PathLike)):
        source = Path(source).expanduser()
        if not source.is_file():
            raise DataError(f"There is no image file {source}: check the name and the folder.")
        name = str(source)
    else:
        name = getattr(source, "name", None) or "the open file"
    picture = _decode(source, str(name), "L" if gray else "RGB")
    if size is not None:
        side = min(picture.size)
        left, top = (picture.width - side) // 2, (picture.height - side) // 2
        square = (left, top, left + side, top + side)
        picture = picture.resize((size, size), Image.Resampling.LANCZOS, box=square)
    return _as_numbers(picture, gray)


def _as_numbers(picture: Image.Image, gray: bool) -> NDArray[np.float32]:
    """A gray or RGB picture as (1, channels, height, width) in [0, 1]; a strip at a time, for memory."""
    width, height = picture.size
    values = np.empty((1, 1 if gray else 3, height, width), np.float32)
    for top in range(0, height, STRIP):
        strip = np.asarray(picture.crop((0, top, width, min(top + STRIP, height))))
        planes = strip[None] if gray else strip.transpose(2, 0, 1)
        np.divide(planes, np.float32(255), out=values[0, :, top : top + STRIP])
    return values


def _sample_photo() -> str:
    from matplotlib import cbook

    try:
        return str(cbook.get_sample_data("grace_hopper.jpg", asfileobj=False))
    except (OSError, ValueError) as error:
        raise DataError(
            "This Matplotlib was installed without its sample pictures: name a picture of your own, "
            f"photo('my_photo.jpg') ({error})."
        ) from error


def _decode(source: Path | BinaryIO, name: str, mode: str) -> Image.Image:
    from PIL import Image, ImageOps

    try:
        with Image.open(source) as picture:
            # The header alone has been read so far: a huge picture is refused before it is unpacked.
            if picture.width * picture.height > MAX_PIXELS:
                raise DataError(
                    f"{name} has {picture.width} x {picture.height} pixels, more than the {MAX_PIXELS} that "
                    "fit here: make it smaller first."
                )
            ImageOps.exif_transpose(picture, in_place=True)
            picture.load()
            plain = _to_8_bits(picture, name)
            return plain if plain.mode == mode else plain.convert(mode)
    except DataError:
        raise
    except Image.DecompressionBombError as error:
        raise DataError(
            f"{name} has more than the {MAX_PIXELS} pixels that fit here: make it smaller first ({error})."
        ) from error
    except Exception as error:
        # Deliberately broad: on damaged files Pillow's decoders raise nearly anything (SyntaxError,
        # IndexError, struct.error, zlib.error ...), and each means the same to the learner.
        raise DataError(
            f"{name} cannot be read as a picture; open it in an image program and save it as PNG or JPEG "
            f"({type(error).__name__}: {error})."
        ) from error


def _to_8_bits(picture: Image.Image, name: str) -> Image.Image:
    """Bring unusual kinds of picture (16-bit, floating point, transparent) to plain 8-bit colors."""
    from PIL import Image

    if picture.mode in ("I", "F") or picture.mode.startswith("I;16"):
        values = np.asarray(picture)
        top = 1.0 if picture.mode == "F" else 65535.0
        # NaN fails the comparison as well.
        if not (values.min() >= 0 and values.max() <= top):
            raise DataError(
                f"{name} has values from {values.min():g} to {values.max():g}, but a {picture.mode} picture "
                f"must lie in 0 to {top:g}: save it with 8 or 16 bits."
            )
        # In float32 and in place, for memory; the 65 536 values are exact, and none lies near a half.
        scaled = values.astype(np.float32)
        scaled *= np.float32(255 / top)
        return Image.fromarray(np.round(scaled, out=scaled).astype(np.uint8))
    if picture.mode in ("LA", "PA", "La", "RGBA", "RGBa") or "transparency" in picture.info:
        if picture.mode == "La":  # gray already multiplied by alpha; Pillow undoes that in two steps
            picture = picture.convert("LA")
        colors = picture if picture.mode == "RGBA" else picture.convert("RGBA")
        paper = Image.new("RGB", colors.size, "white")
        paper.paste(colors, mask=colors)
        return paper
    return picture if picture.mode in ("L", "RGB") else picture.convert("RGB")

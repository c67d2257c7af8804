import io
import struct
import warnings
import zlib

import numpy as np
import pytest
from matplotlib import cbook
from PIL import Image, ImageOps

from cnnkit.data import photo
from cnnkit.errors import DataError

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


def corners(width=40, height=40):
    """Four colors, one in each quarter: every flip and every swapped axis shows."""
    values = np.zeros((height, width, 3), np.uint8)
    values[: height // 2, : width // 2] = RED
    values[: height // 2, width // 2 :] = GREEN
    values[height // 2 :, : width // 2] = BLUE
    values[height // 2 :, width // 2 :] = 255
    return values


@pytest.fixture
def save(tmp_path):
    def save(picture, name="picture.png", **how):
        path = tmp_path / name
        picture = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
        picture.save(path, **how)
        return path

    return save


def test_the_photograph_that_ships_with_matplotlib():
    gray, color = photo(), photo(gray=False)
    assert (gray.shape, color.shape) == ((1, 1, 300, 300), (1, 3, 300, 300))
    for picture in (gray, color):
        assert picture.dtype == np.float32 and picture.flags.c_contiguous
        assert 0 <= picture.min() < 0.1 and 0.9 < picture.max() <= 1
    np.testing.assert_array_equal(gray, photo())
    assert color.std(axis=1).max() > 0.2  # really in color
    red, green, blue = photo(size=None, gray=False)[0]
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    np.testing.assert_allclose(photo(size=None)[0, 0], luma, atol=0.6 / 255)


def test_it_is_the_middle_square_of_that_photograph():
    with Image.open(cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)) as file:
        width, height = file.size
        original = np.asarray(file.convert("L"), np.float32) / 255
    assert (width, height) == (512, 600)
    np.testing.assert_array_equal(photo(size=None)[0, 0], original)
    np.testing.assert_array_equal(photo(size=512)[0, 0], original[44:556])
    # Antialiased: close to the mean over each block, where picking every fourth pixel is not.
    blocks = original[44:556].reshape(128, 4, 128, 4).mean(axis=(1, 3))
    assert abs(photo(size=128)[0, 0] - blocks).mean() < 0.01 < abs(original[44:556:4, ::4] - blocks).mean()


@pytest.mark.parametrize(("width", "height"), [(80, 40), (40, 80), (41, 40), (3, 200), (1, 1)])
def test_own_pictures_are_cut_to_their_middle_square(save, width, height):
    values = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    side = min(width, height)
    top, left = (height - side) // 2, (width - side) // 2
    square = values[top : top + side, left : left + side].transpose(2, 0, 1)[None] / np.float32(255)
    path = save(values)
    np.testing.assert_array_equal(photo(path, size=side, gray=False), square)
    assert photo(str(path), size=7).shape == (1, 1, 7, 7)
    assert photo(path, size=None, gray=False).shape == (1, 3, height, width)


def test_gray_is_the_luma_of_itu_r_601(save):
    gray = photo(save(corners()), size=40)[0, 0]
    assert gray[0, 0] == pytest.approx(0.299, abs=0.003)
    assert gray[0, -1] == pytest.approx(0.587, abs=0.003)
    assert gray[-1, 0] == pytest.approx(0.114, abs=0.003)
    assert gray[-1, -1] == 1


@pytest.mark.parametrize("mark", range(1, 9))
def test_the_orientation_mark_of_cameras_is_obeyed(save, mark):
    """Stored turned or mirrored as each mark says, the picture comes out upright."""
    upright = corners(40, 20)
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright),
        7: upright[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }[mark]
    exif = Image.Exif()
    exif[0x0112] = mark
    path = save(np.ascontiguousarray(stored), exif=exif)
    np.testing.assert_array_equal(photo(path, None, False)[0].transpose(1, 2, 0) * 255, upright)


def test_palettes(save):
    path = save(Image.fromarray(corners()).quantize(8))
    np.testing.assert_allclose(photo(path, None, False)[0].transpose(1, 2, 0) * 255, corners(), atol=2)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "L"])
def test_transparency_lies_on_white(save, mode):
    if mode in ("RGBA", "LA"):
        picture = Image.fromarray(corners()).convert(mode)
        picture.putalpha(
            Image.fromarray(np.repeat([[0], [255]], 20, axis=0).astype(np.uint8).repeat(40, axis=1))
        )
        path = save(picture)
    else:  # one transparent color, without an alpha channel
        values = np.repeat([[0], [90]], 20, axis=0).astype(np.uint8).repeat(40, axis=1)
        picture = Image.fromarray(values)
        if mode == "P":
            picture = picture.convert("P")
        path = save(picture, transparency=0)
    values = photo(path, None)[0, 0]
    assert (values[:20] == 1).all()
    assert values[20:].min() < 0.5


def test_half_transparent_is_half_white(save):
    picture = Image.new("RGBA", (4, 4), (0, 0, 0, 128))
    np.testing.assert_allclose(photo(save(picture), None), 127 / 255, atol=0.005)


@pytest.mark.parametrize("name", ["gray.png", "gray.tif"])
def test_16_bit_gray_keeps_its_brightness(save, name):
    values = np.array([[0, 257 * 100], [257 * 200, 65535]], np.uint16)
    np.testing.assert_array_equal(photo(save(values, name), None)[0, 0] * 255, [[0, 100], [200, 255]])


def test_floating_point_pictures(save):
    values = np.array([[0, 0.2], [0.6, 1]], np.float32)
    np.testing.assert_allclose(photo(save(values, "f.tif"), None)[0, 0], values, atol=0.003)
    with pytest.raises(DataError, match=r"values from 0 to 300, but a F picture must lie in 0 to 1"):
        photo(save(values * 300, "g.tif"))
    values[0, 0] = np.nan
    with pytest.raises(DataError, match="must lie in 0 to 1"):
        photo(save(values, "h.tif"))


def test_printing_colors(save):
    path = save(Image.fromarray(corners()).convert("CMYK"), "cmyk.jpg", quality=95)
    values = photo(path, None, gray=False)[0]
    np.testing.assert_allclose(values[:, 5, 5], [1, 0, 0], atol=0.1)
    np.testing.assert_allclose(values[:, -5, -5], [1, 1, 1], atol=0.05)


def test_black_and_white(save):
    path = save(Image.fromarray(corners()).convert("1"))
    assert set(np.unique(photo(path, None))) == {0, 1}


def test_an_open_file_as_an_upload_gives_it(save):
    content = io.BytesIO(save(corners()).read_bytes())
    assert photo(content, size=40, gray=False)[0, :, 0, 0].tolist() == [1, 0, 0]
    with pytest.raises(DataError, match="the open file cannot be read as a picture"):
        photo(io.BytesIO(b"no picture"))


def test_no_such_file(tmp_path):
    for path in (tmp_path / "none.png", tmp_path):
        with pytest.raises(DataError, match="There is no image file"):
            photo(path)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")  # Pillow's own remark on the TIFF file
@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.gif", "a.bmp", "a.tif", "a.webp"])
def test_damaged_files_are_refused_in_one_sentence(save, name):
    path = save(np.random.default_rng(1).integers(0, 256, (60, 60, 3), np.uint8), name)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError) as caught:
        photo(path)
    assert str(path) in str(caught.value) and "save it as PNG or JPEG" in str(caught.value)
    for cut in (0, 1, 5, 20):
        path.write_bytes(content[:cut])
        with pytest.raises(DataError):
            photo(path)


def test_decoders_may_raise_anything(save, monkeypatch):
    def fail(picture, **how):
        raise struct.error("unpack requires a buffer of 4 bytes")

    path = save(corners())
    monkeypatch.setattr(ImageOps, "exif_transpose", fail)
    with pytest.raises(DataError, match=r"cannot be read as a picture.*buffer of 4 bytes"):
        photo(path)


def test_random_damage_never_escapes_as_another_error(save):
    rng = np.random.default_rng(2)
    path = save(corners(), "x.png")
    files = [save(corners(), name).read_bytes() for name in ("a.png", "a.gif", "a.tif", "a.jpg", "a.bmp")]
    refused = 0
    for content in files:
        for _ in range(40):
            damaged = np.frombuffer(content, np.uint8).copy()
            where = rng.integers(0, min(len(damaged), 300), 6)
            damaged[where] = rng.integers(0, 256, 6)
            path.write_bytes(damaged.tobytes())
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # Pillow's own remarks on odd files
                try:
                    assert np.isfinite(photo(path, size=8)).all()
                except DataError:
                    refused += 1
    assert refused > 50


@pytest.mark.parametrize(("width", "height"), [(9000, 9000), (16000, 16000), (60000, 60000)])
def test_a_huge_picture_is_refused_before_it_is_unpacked(tmp_path, width, height):
    """A PNG of a few bytes that says it is huge: its data are not even there."""

    def chunk(kind, content):
        body = kind + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    path = tmp_path / "bomb.png"
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(99))) + chunk(b"IEND", b"")
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(DataError, match="more than the 40000000"):
            photo(path)


@pytest.mark.parametrize("size", [0, -5, 100_000])
def test_sizes_that_make_no_picture(size):
    with pytest.raises(DataError, match=f"between 1 and 6324 pixels, not {size}"):
        photo(size=size)


def test_matplotlib_without_its_samples(monkeypatch):
    def missing(*args, **more):
        raise FileNotFoundError("grace_hopper.jpg")

    monkeypatch.setattr(cbook, "get_sample_data", missing)
    with pytest.raises(DataError, match="name a picture of your own"):
        photo()

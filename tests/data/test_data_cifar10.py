import gzip
import importlib
import io
import tarfile
import tracemalloc
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnkit.data import cifar10
from cnnkit.errors import DataError

module = importlib.import_module("cnnkit.data.cifar10")
RECORD = 3073


@pytest.fixture(autouse=True)
def no_download(monkeypatch):
    def fetch(*args):
        raise AssertionError("went to the network although a folder was named")

    monkeypatch.setattr(module, "fetch", fetch)


def batch(n, seed=0):
    records = np.random.default_rng(seed).integers(0, 256, (n, RECORD), np.uint8)
    records[:, 0] = np.arange(n) % 10
    return records.tobytes()


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "files"
    place.mkdir()
    for name, n in (("data_batch_1", 20), ("data_batch_3", 7), ("test_batch", 5)):
        (place / f"{name}.bin").write_bytes(batch(n, n))
    return place


def load(folder=None):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        train, test = cifar10(folder)
    return train, test, [str(one.message) for one in caught]


def refusal(folder):
    with pytest.raises(DataError) as caught:
        cifar10(folder)
    return str(caught.value)


def pack(path, members):
    """A .tar.gz of (name, content, changes of the header)."""
    with tarfile.open(path, "w:gz") as archive:
        for name, content, changes in members:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            for key, value in changes.items():
                setattr(member, key, value)
            archive.addfile(member, io.BytesIO(content))


def test_the_real_part(shared):
    train, test, messages = load(shared("cifar10"))
    assert (train.images.shape, test.images.shape) == ((10_000, 3, 32, 32), (1_000, 3, 32, 32))
    assert np.bincount(train.labels).tolist() == [1005, 974, 1032, 1016, 999, 937, 1030, 1001, 1025, 981]
    assert np.bincount(test.labels, minlength=10).sum() == 1000
    assert [train.classes[i] for i in train.labels[:3]] == ["frog", "truck", "truck"]
    assert [train.classes[i] for i in test.labels[:4]] == ["cat", "ship", "ship", "airplane"]
    assert (train.images.min(), train.images.max()) == (0, 1)
    # The constants of normalization that are used for CIFAR-10: the sky makes blue vary most.
    some = train.images[::5]
    np.testing.assert_allclose(some.mean(axis=(0, 2, 3), dtype=float), [0.491, 0.482, 0.447], atol=0.01)
    np.testing.assert_allclose(some.std(axis=(0, 2, 3), dtype=float), [0.247, 0.243, 0.262], atol=0.01)
    # A picture is smoother along its rows and columns than between its channels' planes.
    assert np.abs(np.diff(train.images[:500], axis=3)).mean() < 0.06
    assert messages == [
        f"{shared('cifar10')} holds a part of CIFAR-10: 10000 of 50000 training images and 1000 of 10000 "
        "test images."
    ]
    assert (train.name, test.name) == ("CIFAR-10 train (10000 of 50000)", "CIFAR-10 test (1000 of 10000)")


def test_values_are_planes_of_red_green_blue_divided_by_255(folder):
    train, test, _ = load(folder)
    for data, name, at in ((train, "data_batch_1", 0), (train, "data_batch_3", 20), (test, "test_batch", 0)):
        records = np.frombuffer((folder / f"{name}.bin").read_bytes(), np.uint8).reshape(-1, RECORD)
        part = data[at : at + len(records)]
        np.testing.assert_array_equal(part.labels, records[:, 0])
        pixels = records[:, 1:].reshape(-1, 3, 32, 32)
        np.testing.assert_array_equal(part.images, pixels / np.float32(255))
    assert (len(train), train.images.dtype, train.labels.dtype) == (27, np.float32, np.int32)


def test_a_part_says_how_much_it_is_at_the_callers_line(folder):
    with pytest.warns(UserWarning, match="27 of 50000 training images and 5 of 10000 test") as caught:
        cifar10(folder)
    assert [one.filename for one in caught] == [__file__]


def test_one_batch_alone_is_a_part(folder):
    for name in ("data_batch_3", "test_batch"):
        (folder / f"{name}.bin").unlink()
    train, test, _ = load(folder)
    assert (len(train), test.images.shape) == (20, (0, 3, 32, 32))


def test_a_whole_set_warns_of_nothing(folder, monkeypatch):
    monkeypatch.setattr(module, "PER_BATCH", 4)
    for name in (*module.TRAIN, *module.TEST):
        (folder / name).write_bytes(batch(4))
    train, test, messages = load(folder)
    assert (len(train), len(test), messages) == (20, 4, [])
    assert (train.name, test.name) == ("CIFAR-10 train", "CIFAR-10 test")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (batch(3)[:-1], f"{3 * RECORD - 1} bytes, not a multiple of the 3073"),
        (batch(3) + b"\0", f"{3 * RECORD + 1} bytes, not a multiple of the 3073"),
        (b"", "0 bytes, not a multiple"),
        (bytes(10_001 * RECORD), "more than the 10000 images of a batch"),
        (batch(3) + b"\x0a" + bytes(RECORD - 1), "gives image 3 the label 10, but labels run from 0 to 9"),
    ],
)
def test_damaged_batches_are_refused(folder, content, says):
    path = folder / "data_batch_3.bin"
    path.write_bytes(content)
    message = refusal(folder)
    assert str(path) in message and says in message


def test_folders(folder, monkeypatch, tmp_path):
    parent = tmp_path / "all"
    parent.mkdir()
    assert "holds no file of CIFAR-10" in refusal(parent)
    for name in ("cifar10", "cifar-10-batches-bin"):
        folder = folder.rename(parent / name)
        assert len(load(parent)[0]) == 27
        monkeypatch.setenv("CNNKIT_DATA", str(parent))
        assert len(load()[0]) == 27
        monkeypatch.setenv("CNNKIT_DATA", str(folder))
        assert len(load()[0]) == 27
    monkeypatch.setenv("CNNKIT_DATA", str(tmp_path / "none"))
    assert "unset CNNKIT_DATA" in refusal(None)


@pytest.fixture
def archive(tmp_path):
    place = tmp_path / "archive"
    place.mkdir()
    return place / "cifar-10-binary.tar.gz"


def honest_members():
    return [
        ("cifar-10-batches-bin/", b"", {"type": tarfile.DIRTYPE}),
        ("cifar-10-batches-bin/data_batch_1.bin", batch(20, 20), {}),
        ("cifar-10-batches-bin/readme.html", b"<html>", {}),
        ("cifar-10-batches-bin/test_batch.bin", batch(5, 5), {}),
        ("cifar-10-batches-bin/data_batch_3.bin", batch(7, 7), {}),
    ]


def test_the_archive_is_read_without_unpacking_it(archive, folder):
    pack(archive, honest_members())
    train, test, messages = load(archive.parent)
    expected_train, expected_test, _ = load(folder)
    np.testing.assert_array_equal(train.images, expected_train.images)
    np.testing.assert_array_equal(test.labels, expected_test.labels)
    assert "27 of 50000" in messages[0]
    assert list(archive.parent.iterdir()) == [archive]


def test_nothing_in_an_archive_reaches_a_file(archive, tmp_path):
    """Names that climb out, absolute ones, links and devices: nothing is written, nothing else is read."""
    secret = tmp_path / "data_batch_1.bin"
    secret.write_bytes(batch(9))
    before = sorted(tmp_path.rglob("*"))
    link = {"type": tarfile.SYMTYPE, "linkname": str(secret)}
    pack(
        archive,
        [
            ("../../escaped.bin", b"x", {}),
            ("/escaped.bin", b"x", {}),
            ("cifar-10-batches-bin/data_batch_1.bin", b"", link),
            ("cifar-10-batches-bin/data_batch_2.bin", b"", link | {"type": tarfile.LNKTYPE}),
            ("cifar-10-batches-bin/data_batch_4.bin", b"", {"type": tarfile.CHRTYPE}),
            ("cifar-10-batches-bin/data_batch_5.bin", b"", {"type": tarfile.FIFOTYPE}),
            ("../data_batch_3.bin", batch(7, 7), {}),
        ],
    )
    train, test, _ = load(archive.parent)
    assert (len(train), len(test)) == (7, 0)
    assert sorted(tmp_path.rglob("*")) == sorted([*before, archive])


def test_archives_that_are_none(archive):
    archive.write_bytes(b"<html>not found</html>")
    assert "damaged or cut short" in refusal(archive.parent)
    archive.write_bytes(gzip.compress(b"no archive" * 500))
    assert "damaged or cut short" in refusal(archive.parent)
    pack(archive, [("something/else.bin", b"x", {})])
    assert "holds 0 of the 6 batches" in refusal(archive.parent)
    pack(archive, honest_members())
    content = archive.read_bytes()
    for cut in (10, len(content) // 3, len(content) // 2, len(content) - len(content) // 4):
        archive.write_bytes(content[:cut])
        assert str(archive) in refusal(archive.parent)


def test_lengths_in_an_archive_are_not_believed(archive):
    with tarfile.open(archive, "w:gz") as out:
        member = tarfile.TarInfo("cifar-10-batches-bin/data_batch_1.bin")
        member.size = 2**40 // RECORD * RECORD
        out.fileobj.write(member.tobuf(tarfile.GNU_FORMAT))
    assert "damaged or cut short" in refusal(archive.parent)
    with tarfile.open(archive, "w:gz") as out:
        member.size = -RECORD
        out.fileobj.write(member.tobuf(tarfile.GNU_FORMAT) + bytes(10240))
    refusal(archive.parent)
    pack(archive, [("data_batch_1.bin", batch(2)[:-1], {})])
    assert "not a multiple of the 3073" in refusal(archive.parent)


def test_an_archive_that_unpacks_to_too_much_is_refused(archive, monkeypatch):
    monkeypatch.setattr(module, "ARCHIVE_LIMIT", 2**22)
    pack(archive, [("padding", bytes(2**25), {}), *honest_members()])
    tracemalloc.start()
    message = refusal(archive.parent)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert f"more than {2**22} bytes" in message
    assert peak < 2**24
    pack(archive, honest_members())
    assert len(load(archive.parent)[0]) == 27


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("mutations")


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 511), st.integers(0, 255)), min_size=1, max_size=8), st.booleans())
def test_any_change_of_an_archives_headers_is_refused_or_harmless(place, changes, extended):
    """Headers are changed with their checksum made right again, so that the change is really read."""
    out = io.BytesIO()
    kind = tarfile.PAX_FORMAT if extended else tarfile.GNU_FORMAT
    with tarfile.open(fileobj=out, mode="w", format=kind) as archive:
        name = "x" * 120 + "/test_batch.bin" if extended else "data_batch_1.bin"
        member = tarfile.TarInfo(name)
        content = batch(2)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    content = bytearray(out.getvalue())
    for where, value in changes:
        content[where] = value
    header = bytes(content[:148]) + b" " * 8 + bytes(content[156:512])
    content[148:156] = b"%06o\0 " % sum(header)
    (place / "cifar-10-binary.tar.gz").write_bytes(gzip.compress(bytes(content), 1))
    try:
        train, test, _ = load(place)
        assert len(train) + len(test) == 2
    except DataError as error:
        assert str(place) in str(error)

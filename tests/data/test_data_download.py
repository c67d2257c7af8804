"""The downloader against a server of the test's own, on this computer."""

import dataclasses
import gzip
import hashlib
import importlib
import io
import logging
import tarfile
import threading
import time
import warnings
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pooch
import pytest

from cnnkit.data import cifar10, fashion_mnist, mnist
from cnnkit.data.download import fetch
from cnnkit.errors import DataError

download = importlib.import_module("cnnkit.data.download")
CONTENT = np.random.default_rng(0).integers(0, 256, 300_000, np.uint8).tobytes()
MD5 = hashlib.md5(CONTENT).hexdigest()


class Server:
    """Answers each request with the next behavior of its list (the last one again and again)."""

    def __init__(self, *behaviors, files=None):
        self.behaviors, self.files, self.asked = list(behaviors), files or {}, []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                outer.asked.append((self.path, self.headers.get("Range")))
                behavior = outer.behaviors[min(len(outer.asked), len(outer.behaviors)) - 1]
                behavior(self, outer.files.get(self.path.rpartition("/")[2], CONTENT))
                self.close_connection = True

            def log_message(self, *args):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        self.address = f"http://127.0.0.1:{self._server.server_port}/folder"

    def close(self):
        self._server.shutdown()
        self._server.server_close()


def send(handler, content, status=200, length=None, **headers):
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(content) if length is None else length))
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(content)


def good(handler, content):
    start = handler.headers.get("Range")
    if start is None:
        return send(handler, content)
    first = int(start.removeprefix("bytes=").removesuffix("-"))
    span = f"bytes {first}-{len(content) - 1}/{len(content)}"
    return send(handler, content[first:], 206, Content_Range=span)


def cut(after):
    """Promise the rest of the file and hang up after so many bytes of it; goes on where asked to."""

    def behavior(handler, content):
        first = int((handler.headers.get("Range") or "bytes=0-").removeprefix("bytes=").removesuffix("-"))
        span = f"bytes {first}-{len(content) - 1}/{len(content)}"
        status = 206 if first else 200
        send(handler, content[first:][:after], status, len(content) - first, Content_Range=span)

    return behavior


def cut_from_the_start(handler, content):
    send(handler, content[:1000], length=len(content))


def whole(handler, content):
    """A server that knows nothing of ranges."""
    send(handler, content)


def status(code):
    return lambda handler, content: send(handler, b"<html>sorry</html>", code)


def page(handler, content):
    send(handler, b"<html>please log in to the hotel's network</html>", Content_Type="text/html")


@pytest.fixture
def serve(monkeypatch):
    monkeypatch.setattr(download, "WAIT", 0)
    servers = []

    def start(*behaviors, **more):
        servers.append(Server(*behaviors, **more))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def nobody():
    """An address where nothing listens."""
    server = Server(good)
    server.close()
    return server.address


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "new" / "folder"


def get(folder, *mirrors):
    return fetch("Numbers", "numbers.gz", MD5, mirrors, folder, "numbers(folder=...)")


def refusal(folder, *mirrors):
    with pytest.raises(DataError) as caught:
        get(folder, *mirrors)
    assert not folder.exists() or list(folder.iterdir()) == []  # nothing half-written stays
    message = str(caught.value)
    assert "numbers.gz of Numbers could not be downloaded" in message
    assert "numbers(folder=...) or the environment variable CNNKIT_DATA" in message
    return message


def test_a_good_file_is_kept_and_not_fetched_again(serve, folder):
    server = serve(good)
    path = get(folder, server.address)
    assert path == folder / "numbers.gz"
    assert path.read_bytes() == CONTENT
    assert list(folder.iterdir()) == [path]
    assert get(folder, server.address) == path
    assert server.asked == [("/folder/numbers.gz", None)]


def test_a_damaged_file_in_the_cache_is_replaced(serve, folder):
    folder.mkdir(parents=True)
    (folder / "numbers.gz").write_bytes(CONTENT[:-1])
    assert get(folder, serve(good).address).read_bytes() == CONTENT


def test_a_cut_transfer_goes_on_where_it_stopped(serve, folder):
    server = serve(cut(100_000), cut(150_000), good)
    assert get(folder, server.address).read_bytes() == CONTENT
    assert [asked for _, asked in server.asked] == [None, "bytes=100000-", "bytes=250000-"]
    assert len(list(folder.iterdir())) == 1


def test_a_server_without_ranges_is_asked_from_the_start(serve, folder):
    server = serve(cut_from_the_start, cut_from_the_start, whole)
    assert get(folder, server.address).read_bytes() == CONTENT
    assert len(server.asked) == 3


def test_nothing_of_another_file_stays_when_starting_again(serve, folder):
    def longer(handler, content):
        send(handler, bytes(len(content) + 1000), length=len(content) + 2000)

    assert get(folder, serve(longer, whole).address).read_bytes() == CONTENT


def test_a_server_that_hangs_up_in_between_is_asked_again(serve, folder):
    server = serve(cut(1000), lambda *_: None, good)
    assert get(folder, server.address).read_bytes() == CONTENT
    assert [asked for _, asked in server.asked] == [None, "bytes=1000-", "bytes=1000-"]


def test_a_server_that_never_begins_is_not_asked_again(serve, folder):
    server = serve(lambda *_: None)
    assert "could not be reached" in refusal(folder, server.address)
    assert len(server.asked) == 1


def test_a_server_that_sends_another_range_is_not_trusted(serve, folder):
    def another(handler, content):
        send(handler, content, 206, Content_Range=f"bytes 0-{len(content) - 1}/{len(content)}")

    assert get(folder, serve(cut(1000), another).address).read_bytes() == CONTENT


def test_a_transfer_that_is_always_cut_ends(serve, folder):
    server = serve(cut(1000))
    assert f"sent 5000 of {len(CONTENT)} bytes" in refusal(folder, server.address)
    assert len(server.asked) == download.TRIES


def test_a_silent_server_is_left_and_asked_again(serve, folder, monkeypatch):
    monkeypatch.setattr(download, "TIMEOUT", (1, 0.2))
    done = threading.Event()

    def stall(handler, content):
        send(handler, content[:50_000], length=len(content))
        handler.wfile.flush()
        done.wait(5)

    server = serve(stall, good)
    try:
        assert get(folder, server.address).read_bytes() == CONTENT
    finally:
        done.set()
    assert server.asked[1][1] == f"bytes={50_000 // download.CHUNK * download.CHUNK}-"


def test_a_server_that_never_answers(serve, folder, monkeypatch):
    monkeypatch.setattr(download, "TIMEOUT", (1, 0.2))
    assert "did not answer in time" in refusal(folder, serve(lambda *_: time.sleep(0.6)).address)


@pytest.mark.parametrize("code", [403, 404, 500, 503])
def test_error_codes_are_named(serve, folder, code):
    server = serve(status(code))
    message = refusal(folder, server.address)
    assert f"127.0.0.1:{server._server.server_port} answered {code}" in message
    assert len(server.asked) == 1


def test_an_error_page_that_calls_itself_good_is_not_kept(serve, folder):
    assert "wrong checksum" in refusal(folder, serve(page).address)


def test_the_right_length_with_a_wrong_byte_is_not_kept(serve, folder):
    wrong = {"numbers.gz": CONTENT[:-1] + bytes([CONTENT[-1] ^ 1])}
    assert "wrong checksum" in refusal(folder, serve(good, files=wrong).address)


def test_mirrors_are_tried_in_turn(serve, folder, nobody):
    missing, login, fine, unused = serve(status(404)), serve(page), serve(good), serve(good)
    mirrors = (nobody, missing.address, login.address, fine.address, unused.address)
    assert get(folder, *mirrors).read_bytes() == CONTENT
    assert [len(server.asked) for server in (missing, login, fine, unused)] == [1, 1, 1, 0]


def test_every_mirror_is_named_with_its_reason(serve, folder, nobody):
    message = refusal(folder, nobody, serve(status(404)).address, serve(page).address)
    assert message.index("could not be reached") < message.index("answered 404") < message.index("checksum")


def test_a_transfer_without_end_is_ended(serve, folder, monkeypatch):
    monkeypatch.setattr(download, "LIMIT", 100_000)
    assert "sent more than 100000 bytes" in refusal(folder, serve(good).address)


def test_a_gzip_file_arrives_as_it_is(serve, folder):
    """Some servers call a .gz file a gzip-encoded page, which clients would unpack on the way."""
    packed = gzip.compress(CONTENT)
    server = serve(lambda handler, content: send(handler, packed, Content_Encoding="gzip"))
    md5 = hashlib.md5(packed).hexdigest()
    assert fetch("Numbers", "n.gz", md5, [server.address], folder, "").read_bytes() == packed


def test_a_folder_that_cannot_be_written(serve, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DataError, match=r"cannot be kept in .*file.*numbers\(folder=...\)"):
        get(tmp_path / "file" / "below", serve(good).address)


def test_an_interrupt_leaves_nothing(serve, folder, monkeypatch):
    def interrupted(url, out, bar):
        out.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(download, "_transfer", interrupted)
    with pytest.raises(KeyboardInterrupt):
        get(folder, serve(good).address)
    assert list(folder.iterdir()) == []


def test_poochs_own_log_is_quiet_and_left_as_it_was(serve, folder, caplog):
    logger = pooch.get_logger()
    before = logger.level
    logger.addHandler(caplog.handler)
    get(folder, serve(good).address)
    logger.removeHandler(caplog.handler)
    assert caplog.records == []
    assert logger.level == before != logging.ERROR


@pytest.mark.parametrize("loader", [mnist, fashion_mnist, cifar10])
def test_offline_each_set_says_what_to_do(loader):
    with pytest.raises(DataError) as caught:
        loader()
    message = str(caught.value)
    assert "could not be reached" in message
    assert f"{loader.__name__}(folder=...) or the environment variable CNNKIT_DATA" in message


def small_mnist(make_idx):
    files = {}
    for part, n in (("train", 12), ("t10k", 4)):
        images, labels = np.full((n, 28, 28), n, np.uint8), np.arange(n, dtype=np.uint8) % 10
        files[f"{part}-images-idx3-ubyte.gz"] = make_idx(images, zip_it=True)
        files[f"{part}-labels-idx1-ubyte.gz"] = make_idx(labels, zip_it=True)
    return files


def test_mnist_is_downloaded_once(serve, monkeypatch, make_idx, tmp_path, nobody):
    module = importlib.import_module("cnnkit.data.mnist")
    files = small_mnist(make_idx)
    md5 = {name: hashlib.md5(content).hexdigest() for name, content in files.items()}
    server = serve(good, files=files)
    small = dataclasses.replace(module.MNIST, mirrors=(nobody, server.address), md5=md5)
    monkeypatch.setattr(module, "MNIST", small)
    monkeypatch.setattr(module, "FULL", {"train": 12, "t10k": 4})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(2):
            train, test = mnist()
            assert (len(train), len(test)) == (12, 4)
            assert (train.images == np.float32(12) / np.float32(255)).all()
    assert sorted(path for path, _ in server.asked) == sorted(f"/folder/{name}" for name in files)
    cache = tmp_path / "cache" / "data" / "mnist"
    assert sorted(path.name for path in cache.iterdir()) == sorted(files)
    server.close()
    assert len(mnist()[0]) == 12  # offline from now on


def test_a_set_that_breaks_off_goes_on_with_the_missing_files(serve, monkeypatch, make_idx):
    module = importlib.import_module("cnnkit.data.mnist")
    files = small_mnist(make_idx)
    md5 = {name: hashlib.md5(content).hexdigest() for name, content in files.items()}
    server = serve(good, good, status(503), good, files=files)
    monkeypatch.setattr(
        module, "MNIST", dataclasses.replace(module.MNIST, mirrors=(server.address,), md5=md5)
    )
    monkeypatch.setattr(module, "FULL", {"train": 12, "t10k": 4})
    with pytest.raises(DataError, match=r"t10k-images-idx3-ubyte.gz of MNIST.*answered 503"):
        mnist()
    assert len(mnist()[1]) == 4
    assert len(server.asked) == 5


def test_cifar10_is_downloaded_once_and_read_from_its_archive(serve, monkeypatch, tmp_path):
    module = importlib.import_module("cnnkit.data.cifar10")
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name in (*module.TRAIN, *module.TEST):
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            member.size = 2 * 3073
            archive.addfile(
                member, io.BytesIO(bytes([int(name[11]) if name[11].isdigit() else 9, *[51] * 3072]) * 2)
            )
    server = serve(cut(100), good, files={module.ARCHIVE: out.getvalue()})
    monkeypatch.setattr(module, "MIRRORS", (server.address,))
    monkeypatch.setattr(module, "MD5", hashlib.md5(out.getvalue()).hexdigest())
    monkeypatch.setattr(module, "PER_BATCH", 2)
    for _ in range(2):
        train, test = cifar10()
        assert train.labels.tolist() == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
        assert test.labels.tolist() == [9, 9]
        assert (train.images == np.float32(0.2)).all()
    assert [asked for _, asked in server.asked] == [None, "bytes=100-"]
    cache = tmp_path / "cache" / "data" / "cifar10"
    assert [path.name for path in cache.iterdir()] == [module.ARCHIVE]

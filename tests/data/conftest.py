"""Every test here runs without the learner's folders and without a network beyond this computer."""

import gzip
import socket
import struct
from pathlib import Path

import platformdirs
import pytest

SHARED = Path(__file__).parents[2] / ".." / "shared" / "data"


@pytest.fixture(autouse=True)
def offline(monkeypatch, tmp_path):
    """No CNNKIT_DATA, a cache folder of the test's own, and connections to 127.0.0.1 alone."""
    monkeypatch.delenv("CNNKIT_DATA", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(platformdirs, "user_cache_dir", lambda *args, **more: str(tmp_path / "cache"))
    connect = socket.socket.connect

    def connect_here_only(self, address):
        if isinstance(address, tuple) and address[0] != "127.0.0.1":
            raise ConnectionRefusedError(f"a test tried to reach {address}")
        return connect(self, address)

    def resolve_here_only(host, *args, **more):
        if host != "127.0.0.1":
            raise socket.gaierror(f"a test tried to resolve {host}")
        return resolve(host, *args, **more)

    resolve = socket.getaddrinfo
    monkeypatch.setattr(socket.socket, "connect", connect_here_only)
    monkeypatch.setattr(socket, "getaddrinfo", resolve_here_only)


@pytest.fixture(scope="session")
def shared():
    """Folder of real data by name; skips the test where it is not there."""

    def find(name):
        folder = SHARED / name
        if not folder.is_dir():
            pytest.skip(f"no real {name} data in {folder}")
        return folder

    return find


@pytest.fixture(scope="session")
def make_idx():
    """The bytes of an IDX file, honest unless told otherwise."""

    def make(values, dims=None, kind=8, zip_it=False):
        dims = values.shape if dims is None else dims
        content = struct.pack(f">HBB{len(dims)}I", 0, kind, len(dims), *dims) + values.tobytes()
        return gzip.compress(content, mtime=0) if zip_it else content

    return make

"""Download one published file: from mirrors in turn, continued when cut, checked, and kept only if right."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from cnnkit.errors import DataError

TRIES = 5  # transfers of one file from one mirror, each going on where the last was cut
WAIT = 1.0  # seconds before going on
TIMEOUT = (10, 30)  # seconds to connect, seconds without a byte
LIMIT = 2**30  # bytes; the largest file has 170 million
CHUNK = 2**14  # bytes; what is lost of a transfer that falls silent is less than one chunk


def fetch(title: str, file: str, md5: str, mirrors: Sequence[str], folder: Path, call: str) -> Path:
    """Make sure that `folder` holds `file` with the checksum `md5`, and return its path.

    A file that is there and right is not downloaded again. Otherwise the mirrors are tried in turn. A
    transfer goes to a temporary file, is continued where it was cut if the mirror can do that, and is
    moved into place by Pooch once its checksum is right: a failure leaves nothing behind.

    The MD5 sums are those that the sets are published with. They find damage; they are no protection
    against someone who forges a file, which is why every reader here also distrusts what it reads.

    Args:
        title: the set's name, for messages.
        file: the file's name at the mirror and in the folder.
        md5: its checksum, 32 hexadecimal digits.
        mirrors: addresses of folders that have the file.
        folder: where to keep it; made if needed.
        call: how to read the set from a folder instead, for the message.

    Raises:
        DataError: no mirror gave the right file, or the folder cannot be written.
    """
    import pooch
    import requests

    failures = []
    for mirror in mirrors:
        try:
            with _quiet(pooch.get_logger()):
                path = pooch.retrieve(
                    f"{mirror}/{file}", f"md5:{md5}", fname=file, path=folder, downloader=_download
                )
            return Path(path)
        except requests.Timeout:
            reason = "did not answer in time"
        except _MirrorError as error:
            reason = str(error)
        except requests.RequestException as error:
            reason = f"could not be reached ({type(error).__name__})"
        except OSError as error:
            raise DataError(
                f"{file} of {title} cannot be kept in {folder} ({error.strerror or error}): make room or the "
                f"folder writable, or get the files yourself and name their folder, {call}."
            ) from error
        except ValueError:
            reason = "sent a file with a wrong checksum"
        failures.append(f"{urlsplit(mirror).netloc} {reason}")
    raise DataError(
        f"{file} of {title} could not be downloaded ({'; '.join(failures)}): connect to the internet and try "
        f"again, or get the files elsewhere and name their folder, {call} or the environment variable "
        "CNNKIT_DATA."
    )


class _MirrorError(Exception):
    """What a mirror did instead of sending the file."""


class _CutError(_MirrorError):
    """A transfer that ended early, with both numbers in its message."""


def _download(url: str, output_file: str, pooch: object, check_only: bool = False) -> None:
    """A downloader in the sense of Pooch: fill `output_file`, going on after a cut (HTTP Range).

    Pooch's own starts every attempt from the first byte, which never ends for 170 MB on a poor line.
    A transfer that never began is not tried again here: the next mirror is the better bet.
    """
    import requests
    from tqdm.auto import tqdm

    name = url.rpartition("/")[2]
    with open(output_file, "wb") as out, tqdm(desc=name, unit="B", unit_scale=True, leave=False) as bar:
        for last in (*[False] * (TRIES - 1), True):
            try:
                _transfer(url, out, bar)
                return
            except _CutError:
                if last:
                    raise
            except (requests.ConnectionError, requests.Timeout):
                if last or out.tell() == 0:
                    raise
            time.sleep(WAIT)


def _transfer(url: str, out: IO[bytes], bar: Any) -> None:
    """One request for what is still missing, appended to `out`."""
    import requests
    import urllib3

    have = out.tell()
    # `identity`: a file that is gzipped by itself must arrive as it is, and ranges count its own bytes.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as answer:
        if answer.status_code >= 400:
            raise _MirrorError(f"answered {answer.status_code}")
        if have and not _continues(answer, have):
            have = 0  # this mirror cannot continue: from the start
            out.seek(0)
            out.truncate()
        length = answer.headers.get("Content-Length", "")
        total = have + int(length) if length.isdecimal() else None
        bar.reset(total)
        bar.update(have)
        try:
            for chunk in answer.raw.stream(CHUNK, decode_content=False):
                out.write(chunk)
                bar.update(len(chunk))
                if out.tell() > LIMIT:
                    raise _MirrorError(f"sent more than {LIMIT} bytes")
        except urllib3.exceptions.HTTPError as error:
            raise _CutError(f"sent {out.tell()} of {total or 'unknown'} bytes") from error
    if total is not None and out.tell() < total:  # older versions of urllib3 do not notice
        raise _CutError(f"sent {out.tell()} of {total} bytes")


def _continues(answer: Any, have: int) -> bool:
    sent = answer.headers.get("Content-Range", "")
    return answer.status_code == 206 and sent.replace(" ", "").startswith(f"bytes{have}-")


@contextmanager
def _quiet(logger: logging.Logger) -> Iterator[None]:
    """Without Pooch's log lines: the progress bar says the same, and stderr alarms learners."""
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)

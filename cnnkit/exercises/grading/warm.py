"""cnnkit's kernels, compiled once for a class: every process gets a copy, and none can write to the first."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

from ...compile_cache import cache_folder

# What most notebooks run: the filters of the early ones, a small network and its training.
WARMING = """
import numpy as np
import cnnkit
from cnnkit import data
from cnnkit.models import small_cnn
photo = data.photo()
for size in (2, 3, 5):
    cnnkit.conv2d(photo, np.ones((1, 1, size, size)), padding="same").get()
    cnnkit.conv2d(photo, np.ones((1, 1, size, size))).get()
cnnkit.conv2d(photo, np.ones((1, 1, 3, 3)), variant="plain").get()
train, test = data.digits()
cnnkit.fit(small_cnn(train.images.shape[1:], 10, 0), train, test, epochs=1, progress=False)
"""
SECONDS = 300


class WarmCache:
    """Made when it is first asked for. base: a folder of this run; kept: may it be kept for the next run?

    Without anything that keeps submissions from writing to the teacher's folders, it must not be kept: what
    one class left there would run when the next one is graded.
    """

    def __init__(self, base: Path, kept: bool) -> None:
        self._copy, self._kept = base / "compiled", kept
        self._lock = threading.Lock()
        self._made: bool | None = None

    def folder(self) -> Path | None:
        """The folder to copy from; None where it could not be made, which only makes things slower."""
        with self._lock:
            if self._made is None:
                self._made = self._make()
        return self._copy if self._made else None

    def _make(self) -> bool:
        source = cache_folder("pocl-grading") if self._kept else self._copy
        source.mkdir(exist_ok=True)
        environment = {**os.environ, "POCL_CACHE_DIR": str(source)}
        try:
            done = subprocess.run(
                [sys.executable, "-c", WARMING],
                env=environment,
                capture_output=True,
                timeout=SECONDS,
                check=False,
                start_new_session=True,
            )
            if self._kept:
                shutil.copytree(source, self._copy)
        except (OSError, subprocess.TimeoutExpired, shutil.Error):
            return False
        return done.returncode == 0

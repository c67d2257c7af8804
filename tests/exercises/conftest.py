"""Exercises keep a progress file in the current folder: in a test, a folder of its own."""

import pytest

from cnnkit.exercises import api


@pytest.fixture(autouse=True)
def own_progress(tmp_path, monkeypatch):
    path = tmp_path / "cnnkit-progress.json"
    monkeypatch.setenv("CNNKIT_PROGRESS", str(path))
    monkeypatch.delenv("CNNKIT_UNATTENDED", raising=False)
    monkeypatch.setattr(api, "_hints_given", {})
    monkeypatch.setattr(api, "_failing", {})
    return path

"""What the latency command computes: tokens, keys, times and its table; no browser and no clock."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import cnnkit.explore
from cnnkit.explore.parts.base import Explorer

BROWSER = Path(__file__).parents[1] / "browser"


@pytest.fixture(scope="module")
def latency():
    """tests/browser/latency.py, which stands among the browser tests and imports their helpers."""
    sys.path.insert(0, str(BROWSER))
    try:
        spec = importlib.util.spec_from_file_location("latency", BROWSER / "latency.py")
        module = importlib.util.module_from_spec(spec)
        sys.modules["latency"] = module  # dataclasses look their module up
        spec.loader.exec_module(module)
        yield module
    finally:
        sys.path.remove(str(BROWSER))
        for name in ("latency", "latency_rows"):
            sys.modules.pop(name, None)


def watched(latency, name="one", tokens="abcd", control=None, **more):
    return latency.Watched(name, control, ("Right", "Left"), list(tokens), "padding: result", **more)


def test_every_explorer_is_timed_or_said_why_not(latency):
    explorers = {
        name
        for name in cnnkit.explore.__all__
        if isinstance(one := getattr(cnnkit.explore, name), type) and issubclass(one, Explorer)
    }
    import latency_rows

    timed, left_out = {row.explorer for row in latency.ROWS}, set(latency_rows.NOT_TIMED)
    assert timed | left_out == explorers and not timed & left_out
    assert len(timed) == len(latency.ROWS)


def test_keys_go_to_and_fro_between_the_ends(latency):
    one = watched(latency)
    keys, places = zip(*((one.next_key(), one.due) for _ in range(8)), strict=True)
    assert "".join(places) == "bcdcbabc"
    assert keys == ("Right",) * 3 + ("Left",) * 3 + ("Right",) * 2


def test_a_checksum_tells_pictures_apart_and_what_is_transparent_is_black(latency):
    rgba = np.random.default_rng(0).integers(0, 256, (6, 5, 4), dtype=np.uint8)
    rgba[..., 3] = 255
    rgba[2, 3, 3] = 0
    words = [int.from_bytes(pixel.tobytes(), "little") * bool(pixel[3]) for pixel in rgba.reshape(-1, 4)]
    expected = sum(word * (2 * i + 1) for i, word in enumerate(words)) % 2**32
    assert latency.checksum(rgba) == f"5x6:{expected}"
    hidden = rgba.copy()
    hidden[2, 3, 0] ^= 1
    assert latency.checksum(hidden) == latency.checksum(rgba)
    for place in ((0, 0, 0), (5, 4, 2), (3, 1, 1)):
        other = rgba.copy()
        other[place] ^= 1
        assert latency.checksum(other) != latency.checksum(rgba)
    swapped = rgba[:, ::-1]
    assert latency.checksum(swapped) != latency.checksum(rgba)


def test_the_last_key_is_answered_when_the_right_picture_came_to_stay(latency):
    def log(*drawn):
        return [{"time": time, "token": token} for time, token in drawn]

    last = latency.time_of_last
    assert last(100, log((90, "a"), (120, "b"), (150, "c")), "c") == 50
    assert last(100, log((120, "c"), (130, "b"), (170, "c"), (180, "c")), "c") == 70
    assert last(100, log((120, "c"), (130, "b")), "c") is None
    assert last(100, log((80, "c")), "c") == 0
    assert last(100, [], "c") is None


def test_tokens_are_those_of_the_explorers_pictures(latency):
    row = latency.Row("FilterExplorer", "Padding", "padding", range(3), "result")
    tokens, kind = latency.tokens_of(row)
    explorer = cnnkit.explore.FilterExplorer()
    assert kind == "canvas" and tokens[0] == latency.checksum(explorer.result.rgba())
    explorer.model.padding = 2
    assert tokens[2] == latency.checksum(explorer.result.rgba()) and len(set(tokens)) == 3


@pytest.mark.parametrize(
    ("changes", "said"),
    [({"picture": "nobody"}, "no picture named"), ({"picture": "photo"}, "does not change with every step")],
)
def test_a_row_that_could_not_be_measured_is_refused(latency, changes, said):
    settings = {"explorer": "FilterExplorer", "control": "Padding", "trait": "padding", "values": range(3)}
    with pytest.raises(ValueError, match=said):
        latency.tokens_of(latency.Row(**settings, **changes))


def test_the_table_and_the_verdict_count_in_ratios_to_interact(latency):
    def timed(name, milliseconds, quick, peers):
        peer = watched(latency, latency.INTERACT, milliseconds=peers, quick=[400.0])
        return latency.Timed(watched(latency, name, milliseconds=milliseconds, quick=quick), peer, [])

    fast = timed("FastExplorer", [30.0] * 19 + [90.0], [50.0, 60.0], [300.0] * 20)
    slow = timed("SlowExplorer", [100.0] * 20, [], [500.0] * 20)
    broken = timed("BrokenExplorer", [], [], [])
    lines = latency.table([fast, slow, broken]).splitlines()
    assert lines[2] == "| FastExplorer | padding: result | 30 | 33 | 90 | 10.0 | 60 |"
    assert lines[3] == "| SlowExplorer | padding: result | 100 | 100 | 100 | 5.0 | - |"
    assert lines[4] == "| BrokenExplorer | padding: result | - | - | - | - | - |"
    assert lines[5].endswith("| 400 | 500 | 500 | 1 | 400 |")
    told = latency.verdict([fast, slow, broken])
    assert told.count("1 of 2 explorers") == 3


def test_what_was_wrong_is_told_with_the_explorer(latency):
    own, peer = watched(latency, "Explorer", wrong=["b instead of c"]), watched(latency, latency.INTERACT)
    assert latency.Timed(own, peer, ["an error"]).wrong == [
        "Explorer: b instead of c",
        "Explorer, the console: an error",
    ]


class Page:
    """Answers as the page would that shows `tokens` one after the other."""

    def __init__(self, one, shown=None):
        self.one, self.shown, self.keyboard, self.keys = one, shown, self, []

    def wait_for_timeout(self, milliseconds):
        pass

    def press(self, key):
        self.keys.append(key)

    def evaluate(self, script, argument):
        shown = self.shown or self.one.due
        if script == "latency.answer":
            right = {"pressed": 10, "painted": 40}
            return right if shown == self.one.due else {"shown": shown}
        log = [{"time": 50, "token": shown}]
        return {"pressed": 20, "log": log, "shown": shown} if script == "latency.settled" else None


@pytest.mark.parametrize("tokens", ["ab", "abcde", "abcdefghi"])
def test_quick_keys_end_at_an_end_far_from_where_they_were(latency, tokens):
    one = watched(latency, tokens=tokens, control=SimpleNamespace(focus=lambda: None))
    one.at = len(tokens) - 1
    page = Page(one)
    latency.press_quickly(page, one)
    assert one.quick == [30] and one.milliseconds == [] and one.at in (0, len(tokens) - 1)
    legs = page.keys[-(len(tokens) - 1) :]
    assert len(set(legs)) == 1


def test_a_wrong_picture_ends_the_row_and_is_told(latency):
    one = watched(latency, control=SimpleNamespace(focus=lambda: None))
    latency.measure(Page(one, shown="z"), [one], 3, 3)
    assert one.milliseconds == [] and one.wrong == ["value 1 of 4: z instead of b"]
    latency.press_quickly(Page(one, shown="z"), other := watched(latency, control=one.control))
    assert other.quick == [] and "30 quick keys: z instead of" in other.wrong[0]


def test_options_that_do_not_exist_are_refused(latency, capsys):
    assert latency.main(["--fast"]) == 2
    assert "usage" in capsys.readouterr().err
    assert latency.main(["--quick", "Nothing"]) == 2
    assert "No explorer is called nothing; there are ActivationExplorer" in capsys.readouterr().err

"""The reads explorer: kernels that count their reads, against counts by plain Python loops."""

from __future__ import annotations

import threading
from collections import Counter

import hypothesis
import numpy as np
import pytest
import traitlets
from hypothesis import strategies as st

import cnnkit
from cnnkit.counting import instrument
from cnnkit.errors import CnnkitError
from cnnkit.explore import ReadsExplorer, ReadsModel
from cnnkit.explore.parts.boxes import boxes
from cnnkit.explore.parts.counted import count_convolution, launch_of
from cnnkit.explore.parts.readlog import count_reads
from cnnkit.ops import conv_tiled
from cnnkit.ops.conv_shape import conv2d_shape


def plain_reads(size, k, stride, padding):
    """Every (output row, output column, input row, input column) of the definition, padding left out."""
    output = (size + 2 * padding - k) // stride + 1
    for row, column in np.ndindex(output, output):
        for i, j in np.ndindex(k, k):
            y, x = row * stride + i - padding, column * stride + j - padding
            if 0 <= y < size and 0 <= x < size:
                yield row, column, y, x


def tiled_reads(size, k, stride, padding, tile):
    """(group row, group column, input row, input column) of what each group needs once: its whole patch."""
    output = (size + 2 * padding - k) // stride + 1
    groups, span = -(-output // tile), (tile - 1) * stride + k
    for row, column in np.ndindex(groups, groups):
        for i, j in np.ndindex(span, span):
            y, x = row * tile * stride - padding + i, column * tile * stride - padding + j
            if 0 <= y < size and 0 <= x < size:
                yield row, column, y, x


def counted(pairs, size):
    """How often each input pixel stands in `pairs`, (size, size)."""
    counts = np.zeros((size, size), int)
    for *_, y, x in pairs:
        counts[y, x] += 1
    return counts


LARGE_GROUPS = cnnkit.current_device().max_work_group_size >= 256
large_groups = pytest.mark.skipif(not LARGE_GROUPS, reason="a tile of 16x16 is a work-group of 256")


@large_groups
def test_the_known_numbers_come_out_by_counting():
    model = ReadsModel(size=64, filter_size=3, padding=1, tile=16)
    assert model.logs["plain"].total == 36_100 and model.logs["tiled"].total == 4_900
    assert model.ratio() == pytest.approx(36_100 / 4_900)
    assert model.logs["plain"].outside == model.logs["tiled"].outside == 0
    assert model.logs["tiled"].local_reads == 64 * 64 * 9  # every work-item, for each tap
    assert model.logs["tiled"].local_writes == 16 * 18 * 18  # every group its whole patch, zeros as well
    assert model.logs["plain"].local_reads == 0


@hypothesis.given(
    size=st.integers(8, 24),
    k=st.integers(1, 5),
    stride=st.integers(1, 4),
    padding=st.integers(0, 3),
    tile=st.sampled_from([4, 8]),
)
def test_counts_are_those_of_the_definition(size, k, stride, padding, tile):
    model = ReadsModel(size=size, filter_size=k, stride=stride, padding=padding, tile=tile)
    plain = list(plain_reads(size, k, stride, padding))
    tiled = list(tiled_reads(size, k, stride, padding, tile))
    assert np.array_equal(model.per_pixel("plain"), counted(plain, size))
    assert np.array_equal(model.per_pixel("tiled"), counted(tiled, size))
    assert model.per_item("plain").sum() == len(plain) and model.per_item("tiled").sum() == len(tiled)


def test_what_one_work_item_and_its_group_read():
    model = ReadsModel(size=20, filter_size=3, padding=1, tile=8)
    pairs = list(plain_reads(20, 3, 1, 1))
    fetched = list(tiled_reads(20, 3, 1, 1, 8))
    for focus in [(0, 0), (7, 8), (13, 4), (19, 19)]:
        model.focus = focus
        mine = [y * 20 + x for row, column, y, x in pairs if (row, column) == focus]
        assert model.item_reads("plain").tolist() == mine
        group = focus[0] // 8, focus[1] // 8
        theirs = [y * 20 + x for row, column, y, x in pairs if (row // 8, column // 8) == group]
        assert Counter(model.group_reads("plain").tolist()) == Counter(theirs)
        patch = [y * 20 + x for row, column, y, x in fetched if (row, column) == group]
        assert sorted(model.group_reads("tiled").tolist()) == sorted(patch)
        assert set(model.item_reads("tiled").tolist()) <= set(patch)
    model.pixel = (9, 3)
    readers = [row * 24 + column for row, column, y, x in pairs if (y, x) == (9, 3)]
    assert model.readers("plain").tolist() == sorted(readers)  # 24: whole groups of 8


@pytest.mark.parametrize("name", ["plain", "tiled"])
@pytest.mark.parametrize(
    ("x_shape", "w_shape", "stride", "padding", "tile"),
    [
        pytest.param((1, 1, 64, 64), (1, 1, 3, 3), 1, 1, 16, marks=large_groups),
        ((2, 3, 13, 17), (5, 3, 5, 5), 2, 2, 8),
        ((1, 2, 9, 9), (1, 2, 4, 4), 3, 0, 4),
    ],
)
def test_counting_changes_no_result_and_misses_no_channel(name, x_shape, w_shape, stride, padding, tile):
    rng = np.random.default_rng(1)
    x, w = rng.standard_normal(x_shape, np.float32), rng.standard_normal(w_shape, np.float32)
    log, result = count_convolution(name, x, w, stride, padding, tile)
    ours = cnnkit.conv2d(x, w, stride=stride, padding=padding, variant=name).get()
    if name == "plain" or LARGE_GROUPS:
        assert np.array_equal(result, ours)
    else:  # the library's own tiles do not fit: it took the plain kernel, whose order of adding is another
        np.testing.assert_allclose(result, ours, rtol=1e-5, atol=1e-5)
    per_pixel = log.per_place(x_shape)
    assert per_pixel.sum() == log.total and log.outside == 0
    assert (per_pixel == per_pixel[:1, :1]).all()  # every image and channel is read in the same way
    if name == "plain":
        log_of_one, _ = count_convolution(name, x[:1, :1], w[:1, :1], stride, padding, tile)
        assert log.total == log_of_one.total * x_shape[0] * x_shape[1] * w_shape[0]


def test_the_tiled_kernel_is_launched_as_the_library_launches_it(monkeypatch):
    seen = {}
    monkeypatch.setattr(
        conv_tiled, "kernel", lambda device, *names, **macros: seen.update(names=names, **macros)
    )
    monkeypatch.setattr(
        conv_tiled, "launch", lambda device, run, items, group, *args: seen.update(items=items)
    )
    shape = conv2d_shape((2, 3, 40, 30), (6, 3, 5, 5), 2, 2, 1)
    conv_tiled.forward(None, None, None, None, shape)
    file, function, items, macros = launch_of("tiled", shape, conv_tiled.TILE)
    assert seen == {"names": (file, function), "items": items, **macros}


# The source transformation -----------------------------------------------------------------------

TRICKY = """
#define SQUARE(x) ((x) * (x)) // this x is none of ours
#define PIXEL(i) x[i]
__kernel void other(__global const float *x) { float unread = x[7]; }
__kernel void tricky(__global const float *restrict x, __global float *y, const int n,
                     __local int *order)
{
    /* x[0] in a comment, and "x[1]" in words */
    const int me = get_global_id(0);
    __local float tile[4][2];
    __local float *line = tile[0];
    __global const float4 *wide = (__global const float4 *)x;
    float4 v = wide[0];
    order[0] = me & 1; order[0] += 1; ++order[0]; order[0]++;
    tile[me][0] = x[order[0] * 0 + (int)x[0]];
    tile[me][1] = v.x + PIXEL(n - 1) + SQUARE(me);
    y[me] = tile[me][0] == tile[me][1] ? x[me] : -x[me]; // one of both
}
"""


def test_macros_vectors_nesting_and_derived_pointers_are_counted():
    x = cnnkit.to_device(np.zeros(8))
    y = cnnkit.to_device(np.zeros(1))
    import pyopencl as cl

    log = count_reads(TRICKY, "tricky", (1, 1, 1), (1, 1, 1), x, y, 8, cl.LocalMemory(4), buffer=x)
    # wide[0] is four numbers; then x[0] and x[...] of it; PIXEL(7); x[me] once
    assert log.of_item(0).tolist() == [0, 0, 0, 0, 1, 2, 3, 7]
    # order: 1 write, 3 changes (each reads and writes), 1 read; tile: 2 writes, 2 reads
    assert (log.local_reads, log.local_writes) == (3 + 1 + 2, 1 + 3 + 2)


def test_reads_outside_of_the_buffer_are_counted_apart():
    text = "__kernel void k(__global const float *x, __global float *y) { y[0] = x[1 - 2] + x[1]; }"
    big = cnnkit.to_device(np.zeros(64))
    log = count_reads(text, "k", (1, 1, 1), (1, 1, 1), big, cnnkit.to_device([0.0]), buffer=big)
    assert (log.total, log.outside) == (1, 1)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("float a = *x;", "Line 3 uses `x` without"),
        ("float4 a = vload4(0, x);", "Line 3 uses `x` without"),
        ("__global const float *p = x + 1; float a = *p;", "Line 3 uses `p` without"),
        ("__global const float *p = &x[1];", "Line 3 takes the address of `x"),
        ("__local float t[2][2]; if (t[0]) return;", "Line 3 uses `t` without"),
        ("__global const float *p; p = x;", "Line 3 uses `x` without"),
        ("float a = x[1;", "`\\[` in line 3 .* never closed"),
    ],
)
def test_what_cannot_be_counted_is_refused_with_its_line(line, said):
    with pytest.raises(CnnkitError, match=said):
        instrument(f"__kernel void k(__global const float *x, int n)\n{{\n    {line}\n}}\n", "k")


def test_a_name_that_is_not_there_is_said():
    with pytest.raises(CnnkitError, match="no kernel named 'q'"):
        instrument("__kernel void k(__global float *x) { }", "q")
    with pytest.raises(CnnkitError, match=r"no parameter `__global ... \*image`"):
        instrument("__kernel void k(__global float *x) { }", "k", "image")


def test_a_compile_error_names_the_line_of_the_source():
    text = "__kernel void k(__global float *x)\n{\n    x[0] = x[1] + nonsense;\n}\n"
    x = cnnkit.to_device(np.zeros(4))
    with pytest.raises(cnnkit.BuildError) as caught:
        count_reads(text, "k", (1, 1, 1), (1, 1, 1), x, buffer=x)
    assert caught.value.line == 3 and "`x[0] = x[1] + nonsense;`" in str(caught.value)


# The model and the view --------------------------------------------------------------------------


def test_every_setting_counts_anew_and_is_told():
    model = ReadsModel(size=16, tile=8)
    before = model.state()
    for name, value in {"size": 20, "filter_size": 5, "stride": 2, "padding": 0, "tile": 4}.items():
        version, state = model.version, model.state()
        setattr(model, name, value)
        assert model.version > version and model.state() != state, name
    assert before["plain_reads"] == 46**2 and before["output_size"] == 16 and before["problem"] == ""
    for name, value in {"kernel": "tiled", "shared_range": False, "focus": [3, 2], "pixel": [1, 1]}.items():
        setattr(model, name, value)
        assert model.state()[name] == value


@pytest.mark.parametrize(
    "wrong",
    [
        {"size": 0},
        {"size": 513},
        {"filter_size": 0},
        {"stride": 0},
        {"padding": -1},
        {"tile": 5},
        {"kernel": "x"},
    ],
)
def test_settings_that_no_control_can_give_are_refused(wrong):
    with pytest.raises(traitlets.TraitError, match=next(iter(wrong))):
        ReadsModel(**{"size": 16, "tile": 8, **wrong})


def test_impossible_settings_explain_themselves_and_recover(monkeypatch):
    explorer = ReadsExplorer(size=8, filter_size=9, padding=0, tile=8)
    assert "9 pixels" in explorer.message.value and "8 rows" in explorer.message.value
    assert explorer.items.rgba() is None and explorer.numbers.value == ""
    assert "9 pixels" in explorer.describe() and explorer.still().startswith(b"\x89PNG")
    explorer.model.padding = 1
    assert explorer.message.value == "" and explorer.inputs["tiled"].values is not None

    explorer.model.size, explorer.model.stride = 512, 32
    assert "227 × 227" in explorer.model.problem or "233 × 233" in explorer.model.problem
    assert "8 192" in explorer.model.problem.replace("\u00a0", " ")
    explorer.model.stride = 1
    assert "1 048 576" in explorer.model.problem.replace("\u00a0", " ")  # too many reads to note
    explorer.model.size = 16
    assert explorer.model.problem == ""


def test_a_device_of_small_work_groups_gets_small_ones(monkeypatch):
    monkeypatch.setattr(cnnkit.current_device(), "max_work_group_size", 64)
    model = ReadsModel(size=16)
    assert model.tile == 8 and model.problem == ""
    model.tile = 16
    assert "256" in model.problem and "64" in model.problem


def test_pointing_lights_up_what_is_read():
    explorer = ReadsExplorer(size=32, tile=8)
    explorer.items.focus = (10, 20)
    plain, tiled = explorer.inputs["plain"].marks, explorer.inputs["tiled"].marks
    assert [(m["kind"], m["row"], m["col"], m["height"], m["width"]) for m in plain] == [
        ("winner", 9, 19, 3, 3),
        ("window", 7, 15, 10, 10),
    ]
    # In its group it is item (2, 4): of the 10 x 10 patch from (7, 15) it fetches the one pixel at (2, 4).
    assert [(m["kind"], m["row"], m["col"]) for m in tiled] == [("winner", 9, 19), ("window", 7, 15)]
    assert "(row 10, column 20)" in explorer.sentence.value and "9 pixels" in explorer.sentence.value
    cells = explorer.numbers.value.replace("\u00a0", " ")
    assert "<td>576</td><td>100</td>" in cells  # its group: 64 work-items of 9 reads; 10 x 10
    group = explorer.items.marks[0]
    assert (group["row"], group["col"], group["height"]) == (8, 16, 8)

    explorer.inputs["tiled"].focus = (8, 8)
    assert explorer.model.kernel == "tiled" and explorer.model.pixel == (8, 8)
    assert "9 reads by the plain kernel and 4 reads by the tiled kernel" in explorer.sentence.value
    assert len(explorer.items.marks) == 4 and explorer.items.focus is None
    explorer.items.focus = (10, 20)
    assert explorer.model.pixel is None


@large_groups
def test_work_items_beyond_the_output_are_told_apart():
    explorer = ReadsExplorer(size=20, tile=16)
    assert explorer.items.values.shape == (32, 32) and "no output" in explorer.items.caption
    explorer.model.focus = (99, 99)
    assert explorer.model.focus == (31, 31) and "has no output pixel" in explorer.sentence.value
    assert explorer.items.marks[-1]["height"] == 20


def test_boxes_are_one_where_they_fill_a_rectangle():
    assert len(boxes(np.array([11, 12, 21, 22, 22]), 10, "winner")) == 1
    assert len(boxes(np.array([11, 22]), 10, "winner")) == 2
    assert boxes(np.array([], int), 10, "winner") == []


def test_the_walk_goes_group_by_group_and_starts_over():
    model = ReadsModel(size=16, tile=8)
    seen = []
    for step in range(16 * 16 + 1):
        model.walk(step)
        seen.append(model.focus)
    assert len(set(seen)) == 256 and seen[-1] == seen[0] == (0, 0)
    assert {(row // 8, column // 8) for row, column in seen[64:128]} == {(0, 1)}


def test_controls_follow_the_model_and_move_it():
    explorer = ReadsExplorer(size=16, tile=8)

    def controls(box):
        for child in getattr(box, "children", ()):
            yield from controls(child)
            yield child

    by_name = {c.description: c for c in controls(explorer) if getattr(c, "description", "")}
    for label, name, value in [
        ("Image", "size", 20),
        ("Filter", "filter_size", 5),
        ("Stride", "stride", 2),
        ("Padding", "padding", 2),
        ("Work-group", "tile", 4),
        ("same color range for both kernels", "shared_range", False),
    ]:
        by_name[label].value = value
        assert getattr(explorer.model, name) == value
    explorer.model.size = 24
    assert by_name["Image"].value == 24
    explorer.model.kernel = "tiled"
    assert "tiled" in explorer.items.title
    play = next(c for c in controls(explorer) if type(c).__name__ == "Play")
    play.value = 3
    assert explorer.model.focus == (0, 3)


def test_the_two_kernels_share_a_color_range_or_not():
    explorer = ReadsExplorer(size=16, tile=8)
    assert {canvas.high for canvas in explorer.inputs.values()} == {9.0}
    explorer.model.shared_range = False
    assert explorer.inputs["plain"].high == 9.0 and explorer.inputs["tiled"].high == 4.0
    assert explorer.items.high == 9.0
    explorer.model.kernel = "tiled"
    assert explorer.items.high == explorer.items.values.max() == 4.0


def test_a_stride_that_shares_nothing_is_remarked():
    explorer = ReadsExplorer(size=32, tile=8, stride=4)
    assert "share nothing" in explorer.message.value and "no window reads" in explorer.message.value
    assert "times more often" in explorer.describe()
    explorer.model.stride = 1
    assert explorer.message.value == "" and "times less often" in explorer.describe()


def test_words_alternative_texts_and_still_follow_the_settings():
    explorer = ReadsExplorer(size=16, tile=8)
    still, words = explorer.still(), explorer.describe()
    alts = [canvas.alt for canvas in (explorer.items, *explorer.inputs.values())] + [explorer.totals.alt]
    assert still.startswith(b"\x89PNG") and "2 116 times" in words.replace("\u00a0", " ")
    explorer.model.filter_size, explorer.model.kernel = 5, "tiled"
    after = [canvas.alt for canvas in (explorer.items, *explorer.inputs.values())] + [explorer.totals.alt]
    assert explorer.still() != still and explorer.describe() != words
    assert all(a != b for a, b in zip(alts, after, strict=True))


def test_two_models_can_be_linked():
    one, other = ReadsModel(size=16, tile=8), ReadsModel(size=16, tile=8)
    traitlets.link((one, "filter_size"), (other, "filter_size"))
    one.filter_size = 5
    assert other.logs["plain"].total == one.logs["plain"].total


def test_a_failing_device_is_a_sentence_and_not_the_end(monkeypatch):
    explorer = ReadsExplorer(size=16, tile=8)

    def fail(*args, **kwargs):
        raise cnnkit.DeviceError("The device went away: choose another with cnnkit.use(...).")

    with monkeypatch.context() as broken:
        broken.setattr("cnnkit.explore.reads.count_convolution", fail)
        explorer.model.stride = 2
        assert "The device went away" in explorer.message.value and not explorer.model.logs
    explorer.model.stride = 1
    assert explorer.message.value == "" and explorer.model.logs


def test_counting_beside_another_thread_that_convolves():
    explorer = ReadsExplorer(size=16, tile=8)
    done, failures = threading.Event(), []
    x, w = np.ones((1, 1, 16, 16), np.float32), np.ones((1, 1, 3, 3), np.float32)

    def convolve():
        while not done.is_set():
            if not (cnnkit.conv2d(x, w, variant="tiled").get() == 9).all():
                failures.append("wrong")

    def slide():
        try:
            for size in [*np.random.default_rng(0).integers(8, 24, 40).tolist(), 17]:
                explorer.model.size = size
        except Exception as error:
            failures.append(error)

    other, slider = threading.Thread(target=convolve), threading.Thread(target=slide)
    other.start()
    slider.start()
    slider.join()
    done.set()
    other.join()
    assert not failures and explorer.message.value == ""
    assert np.array_equal(explorer.inputs["plain"].values, counted(plain_reads(17, 3, 1, 1), 17))


def test_every_device_counts_the_same(device):
    model = ReadsModel(size=24, tile=8)
    assert np.array_equal(model.per_pixel("plain"), counted(plain_reads(24, 3, 1, 1), 24))
    assert np.array_equal(model.per_pixel("tiled"), counted(tiled_reads(24, 3, 1, 1, 8), 24))

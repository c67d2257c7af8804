"""Reads the files that `lying_files_draws` makes and judges what comes of them.

Run as a program it serves files one by one, so that a crash of the interpreter ends this process alone; it
may take 1 GiB more than it has taken after reading one honest file of every format.
"""

import contextlib
import gzip
import io
import json
import os
import struct
import sys
import traceback
import warnings
from multiprocessing.connection import Connection
from pathlib import Path

import lying_files_draws as draws
import numpy as np

import cnnkit
from cnnkit import checkpoint, notebook_cells, workbook, workbook_record, workbook_words
from cnnkit.data import cifar10, photo
from cnnkit.data.idx import read_idx
from cnnkit.exercises import progress_file, wire
from cnnkit.exercises.grading import notebook_file
from cnnkit.exercises.grading.state import State
from cnnkit.exercises.progress_file import ProgressFile
from cnnkit.files import load_arrays, plain
from cnnkit.handout import Handout
from cnnkit.history import History

ROOM = 1 << 30
REFUSALS = (cnnkit.CnnkitError, notebook_file.Unreadable, workbook_record.Damaged)
os.fsync = lambda handle: None  # tens of thousands of small files, none of which is to last


class Wrong(Exception):
    """What was read is not what the file says."""


def expect(condition, words):
    if not condition:
        raise Wrong(words)


def network():
    return cnnkit.Sequential(
        cnnkit.Conv2d(1, 2, (3, 2), padding=((1, 0), (2, 3))),
        cnnkit.LeakyReLU(0.1),
        cnnkit.MaxPool2d(2),
        cnnkit.Flatten(),
        cnnkit.Dropout(0.25, seed=3),
        cnnkit.Linear(20, 3),
        seed=0,
    )


RUN = plain({"network": network().config(), "optimizer": "Adam", "loss": "MSELoss", "batch_size": 16})


def optimizer_of(model):
    optimizer = cnnkit.Adam(0.01)
    optimizer.prepare(model.parameters)
    return optimizer


# --- one reader for each format: returns, or raises one of REFUSALS, or Wrong -------------------------------


def read_idx_file(folder, content):
    path = folder / "some-ubyte"
    path.write_bytes(content)
    refused = None
    for shape, most in (((), None), ((3, 4), 100), ((3, 4), None)):
        try:
            found = read_idx(path, shape, most)
        except cnnkit.DataError as error:
            refused = refused or error
            continue
        plain = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
        expect(
            plain == struct.pack(f">HBB{found.ndim}I", 0, 8, found.ndim, *found.shape) + found.tobytes(),
            "other values",
        )
        return
    raise refused


def read_cifar(folder, content, name="data_batch_1.bin"):
    (folder / name).write_bytes(content)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        parts = cifar10(folder)
    found = []
    for part in parts:
        pixels = np.round(np.asarray(part.images) * 255).astype(np.uint8).reshape(len(part), 3072)
        found.append(np.c_[part.labels.astype(np.uint8), pixels].tobytes())
        expect(not len(part) or 0 <= part.labels.min() <= part.labels.max() <= 9, "a label beyond 9")
    return found


def read_batch(folder, content):
    train, test = read_cifar(folder, content)
    expect(train == content and not test, "other values")


def read_archive(folder, content):
    found = read_cifar(folder, content, "cifar-10-binary.tar.gz")
    with contextlib.suppress(EOFError, OSError):  # a reader need not see the end
        plain = gzip.decompress(content)
        expect(
            b"GNU.sparse" in plain or b"S" in plain[156::512] or all(part in plain for part in found),
            "other values",
        )


def read_png(folder, content):
    path = folder / "picture.png"
    path.write_bytes(content)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's own remarks on odd files
        small = photo(path, 8)
        whole = photo(path, None, gray=False)
    expect(small.shape == (1, 1, 8, 8) and small.min() >= 0 and small.max() <= 1, "values beyond 0 to 1")
    said = struct.unpack(">II", content[16:24])
    expect(
        content[12:16] != b"IHDR" or content.count(b"IHDR") > 1 or sorted(whole.shape[2:]) == sorted(said),
        "another size",
    )
    expect(whole.shape[:2] == (1, 3) and whole.min() >= 0 and whole.max() <= 1, "values beyond 0 to 1")


def read_arrays(folder, content):
    path = folder / "arrays.safetensors"
    path.write_bytes(content)
    arrays, about = load_arrays(path)
    expect(isinstance(about, dict), "no description")
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    for name, array in arrays.items():
        start, end = (8 + size + offset for offset in header[name]["data_offsets"])
        expect(array.tobytes() == content[start:end], f"other values of {name}")
        expect(list(array.shape) == header[name]["shape"], f"another shape of {name}")


def read_model(folder, content):
    path = folder / "model.safetensors"
    path.write_bytes(content)
    refused = None
    try:
        made = cnnkit.load(path)
        arrays = load_arrays(path)[0]
        expect(
            all(
                np.array_equal(a, arrays[n].astype(a.dtype), equal_nan=True) for n, a in made.state().items()
            ),
            "other values",
        )
        repr(made)
    except cnnkit.CnnkitError as error:
        refused = error
    model = network()
    before = model.state()
    try:
        model.load(path)
    except cnnkit.CnnkitError as error:
        expect(same(model.state(), before), "refused, and yet something was taken over")
        refused = refused or error
    if refused:
        raise refused


def read_checkpoint(folder, content):
    path = folder / "run.safetensors"
    path.write_bytes(content)
    model, history = network(), History()
    optimizer = optimizer_of(model)
    before = everything(model, optimizer, history)
    try:
        checkpoint.resume(path, model, optimizer, history, RUN)
    except cnnkit.CnnkitError:
        expect(
            same(everything(model, optimizer, history), before), "refused, and yet something was taken over"
        )
        raise
    str(history), history._repr_html_(), repr(optimizer)
    checkpoint.save_checkpoint(folder / "again.safetensors", model, optimizer, history, RUN)
    for parameter in model.parameters:
        parameter.grad = cnnkit.to_device(np.ones(parameter.shape, np.float32))
    optimizer.step(model.parameters)


def everything(model, optimizer, history):
    kept = {f"{i}.{n}.kept": a.get() for i, own in enumerate(optimizer.state) for n, a in own.items()}
    return {**model.state(), **kept, "run": np.array([optimizer.lr, optimizer.steps, len(history)])}


def same(one, other):
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


def read_notebook(folder, content):
    """As the grader does, and as what brings a learner's folder up to date."""
    path = folder / "01_one.ipynb"
    path.write_bytes(content)
    refused = []
    found = None
    try:
        found = notebook_file.read(path)
    except notebook_file.Unreadable as error:
        refused.append(error)
    if found is not None:
        for cell in found.cells:
            f"{cell.source}{cell.id}{''.join(cell.tags)}".encode()
        for exercise, state in found.states:
            expect(isinstance(json.loads(state), dict), "a state that is none")
            exercise.encode()
        expect_sources(found, content)
    try:
        for cell in notebook_cells.cells_of(content):
            expect(isinstance(cell.id, str) and isinstance(cell.text, str), "a cell without text")
    except notebook_file.Unreadable as error:
        refused.append(error)
    bring_up_to_date(path, content)
    if len(refused) == 2:
        raise refused[0]


def expect_sources(found, content):
    try:
        raw = json.loads(content.decode("utf-8-sig"))["cells"]
        own = [cell["source"] for cell in raw if isinstance(cell, dict) and cell.get("cell_type") == "code"]
    except (ValueError, KeyError, TypeError):
        return
    if all(isinstance(source, str) and source.isprintable() for source in own):
        expect([cell.source for cell in found.cells] == own, "other code")


def bring_up_to_date(path, content):
    """The learner's own file stays as it is, byte by byte, unless it holds what was handed out."""
    new = json.dumps({**draws.NOTEBOOK, "cells": draws.NOTEBOOK["cells"][:2]}).encode()
    report = workbook.prepare(path.parent, Handout("1.1", {path.name: new}))
    "".join(workbook_words.words(report, "1.1")).encode()
    theirs = path.read_bytes()
    expect(theirs in (content, new), "a learner's file was changed")
    if theirs == new != content:
        expect(
            [c.digest for c in notebook_cells.cells_of(content)]
            == [c.digest for c in notebook_cells.cells_of(new)],
            "a learner's cell was lost",
        )


def read_notebook_apart(folder, content):
    """As large notebooks are read, in a process of its own: the same is found as without."""
    path = folder / "large.ipynb"
    path.write_bytes(content)
    answers, usual = [], notebook_file.LARGE
    for limit in (0, 1 << 30):
        notebook_file.LARGE = limit
        try:
            answers.append(notebook_file.read(path))
        except notebook_file.Unreadable as error:
            answers.append(error)
    notebook_file.LARGE = usual
    apart, here = answers
    expect(type(apart) is type(here) and str(apart) == str(here), f"{apart} apart, and {here} here")
    if isinstance(apart, Exception):
        raise apart


def read_progress(folder, content):
    """Never an error: entries, or what is wrong in one warning; and the next check is noted."""
    path = folder / "cnnkit-progress.json"
    path.write_bytes(content)
    progress_file._said.clear()  # it speaks once per session
    file = ProgressFile(path)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        before = file.read()
        file.record("01.9", 2, 3, False)
        file.record("01.1", 1, 3, True)
        after = ProgressFile(path).read()
    words = [str(one.message) for one in said]
    expect(all("\n" not in word for word in words), f"no sentence: {words}")
    if any("later cnnkit" in word for word in words):
        kept, was = (json.loads(text.decode("utf-8-sig")) for text in (path.read_bytes(), content))
        expect(is_same(kept, was) or is_same(kept["exercises"]["01.1"], was["exercises"]["01.1"]), "changed")
        raise cnnkit.CnnkitError(words[0])
    expect(
        after["01.1"].passed and ("01.9" not in before) <= (after["01.9"].points == 2),
        "a check was not noted",
    )
    expect(all(after[id].share >= entry.share for id, entry in before.items()), "points were lost")
    if any("damaged" in word for word in words):
        aside = next(other for other in folder.glob("*.damaged-*"))
        expect(aside.read_bytes() == content, "what was there is gone")
        raise cnnkit.CnnkitError(words[0])


def is_same(one, other):
    """Equal as JSON, NaN included."""
    return json.dumps(one) == json.dumps(other)


def read_record(folder, content):
    (folder / workbook_record.NAME).write_bytes(content)
    book = folder / "01_one.ipynb"
    own = {"cell_type": "code", "metadata": {}, "outputs": [], "source": "mine"}
    mine = json.dumps({**draws.NOTEBOOK, "cells": [*draws.NOTEBOOK["cells"], own]}).encode()
    book.write_bytes(mine)
    bring_up_to_date(book, mine)
    with contextlib.suppress(workbook_record.Damaged):
        workbook_record.record_from(content)
        return
    raise workbook_record.Damaged("the record is damaged and counts as none")


def read_gathered(folder, content):
    """What the grader kept of a submission when it was stopped, and of its run."""
    report = folder / "report"
    (report / "state").mkdir(parents=True, exist_ok=True)
    (report / "state" / "a.gathered").write_bytes(content)
    (report / "state" / "run.json").write_bytes(content[wire.HEAD.size :])
    state = State(report)
    state.load("settings")
    kept = state.kept("a", "digest")
    try:
        state.open(None)
    except cnnkit.CnnkitError:
        if kept is None:
            raise
    finally:
        state.close()


def read_large_picture(folder, content):
    """At the limit of pixels; without a size, every one of them becomes a number."""
    path = folder / "picture.png"
    path.write_bytes(content)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expect(photo(path, 8).shape == (1, 1, 8, 8), "another shape")
        photo(path, None, gray=False)


READERS = {
    "IDX": read_idx_file,
    "CIFAR-10 batch": read_batch,
    "CIFAR-10 archive": read_archive,
    "PNG": read_png,
    "safetensors": read_arrays,
    "saved model": read_model,
    "checkpoint": read_checkpoint,
    "notebook": read_notebook,
    "notebook, apart": read_notebook_apart,
    "progress": read_progress,
    "course record": read_record,
    "grader's state": read_gathered,
    "large picture": read_large_picture,
}


# --- the verdict --------------------------------------------------------------------------------------------


def verdict(kind, folder, content):
    """("read", "") or ("refused", words) of a file treated as promised; else ("wrong", words)."""
    for left in folder.iterdir():
        if left.is_file():
            left.unlink()
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            READERS[kind](folder, content)
    except REFUSALS as error:
        return unclear(str(error)) or ("refused", f"{type(error).__name__}: {error}")
    except Wrong as error:
        return "wrong", str(error)
    except BaseException as error:
        where = "".join(traceback.format_tb(error.__traceback__)[-4:])
        return "wrong", f"{type(error).__name__}: {str(error)[:500]}\n{where[-2000:]}"
    return "read", ""


def unclear(message):
    if "\n" in message or len(message) > 700 or len(message.split()) < 3:
        return "wrong", f"an unclear message: {message[:1000]!r}"
    try:
        message.encode()
    except UnicodeEncodeError:
        return "wrong", f"a message that cannot be printed: {message[:1000]!r}"
    return None


def honest(folder):
    """One honest file of every format."""
    model, path = network(), folder / "x.safetensors"
    model.save(path)
    saved = path.read_bytes()
    optimizer, history = optimizer_of(model), History()
    history.rows.append(
        {"epoch": 1, "loss": 0.5, "accuracy": 0.75, "seconds": 1.5, "images_per_second": 60.0}
    )
    checkpoint.save_checkpoint(path, model, optimizer, history, RUN)
    checkpointed = path.read_bytes()
    path.unlink()
    notebook = json.dumps(draws.NOTEBOOK).encode()
    record = workbook_record.Record(
        "1.0", False, {"01_one.ipynb": workbook_record.entry_for("01_one.ipynb", notebook)}
    )
    kept = io.BytesIO()
    gathered = {"answers": [np.arange(6.0).reshape(2, 3)], "said": "hello", "points": 3}
    wire.send(kept, {"settings": "settings", "digest": "digest", "gathered": gathered})
    return {
        "IDX": draws.IDX,
        "CIFAR-10 batch": draws.BATCH,
        "CIFAR-10 archive": gzip.compress(draws.TARS[0]),
        "PNG": draws.png(10, 10, rows=draws.PIXELS),
        "safetensors": saved,
        "saved model": saved,
        "checkpoint": checkpointed,
        "notebook": notebook,
        "notebook, apart": notebook,
        "progress": json.dumps(draws.PROGRESS).encode(),
        "course record": workbook_record.content_of(record),
        "grader's state": kept.getvalue(),
    }


def limit_memory():
    """No more than ROOM beyond what is taken now; whether this system can be told so."""
    try:
        import resource

        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + ROOM
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    except (ImportError, OSError, ValueError):
        return False
    return True


def memory(name):
    """Of this process, in bytes: VmRSS what it takes now, VmHWM the most that it took; 0 if not known."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith(name):
                return int(line.split()[1]) << 10
    return 0


def forget_most():
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def serve(pipe, folder):
    samples = honest(folder)
    for kind, content in samples.items():
        outcome, words = verdict(kind, folder, content)
        if outcome != "read":
            raise AssertionError(f"an honest file ({kind}) is {outcome}: {words}")
    limited = limit_memory()
    before = memory("VmRSS")
    pipe.send((limited, samples))
    while True:
        try:
            kind, content = pipe.recv()
        except EOFError:
            return
        if kind == "peak":
            pipe.send(memory("VmHWM") - before)
            forget_most()
            continue
        pipe.send(verdict(kind, folder, content))


if __name__ == "__main__":
    serve(Connection(int(sys.argv[1])), Path(sys.argv[2]))

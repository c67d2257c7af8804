"""The command `cnnkit`: open the course, progress, grading, handing out, devices, training, measuring.

What a subcommand needs is imported when it runs, so that `cnnkit --help` answers at once.
"""

from __future__ import annotations

import argparse
import os
import sys
import textwrap
import time
import warnings
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

from .errors import CnnkitError, DataError

INTERRUPTED = 130  # the shell's exit status for a command that Ctrl-C ended
# The epochs after which each set's test accuracy has about stopped growing. Digits are few: smaller batches
# and larger steps make up for it.
EPOCHS = {"digits": 20, "mnist": 5, "fashion_mnist": 10, "cifar10": 20}
BATCH = {"digits": 32}
RATE = {"digits": 3e-3}
BENCH_PARTS = ("ceilings", "convolutions", "steps", "pipeline", "growth", "startup", "memory", "time_to")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status: 1, and one sentence on stderr, for a CnnkitError."""
    options = _parser().parse_args(arguments)
    try:
        with warnings.catch_warnings():  # for a reader, not for a programmer: the words alone
            warnings.showwarning = lambda message, *rest: print(f"cnnkit: {message}", file=sys.stderr)
            return options.run(options)
    except CnnkitError as error:
        print(f"cnnkit: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # the reader of a pipe (`| head`) has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:  # a file that cannot be written, a full disk
        print(f"cnnkit: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="cnnkit", description="A course on convolutional networks, on OpenCL."
    )
    from . import __version__
    from .exercises.grading.commands import add_grade

    parser.add_argument("--version", action="version", version=f"cnnkit {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    lab = commands.add_parser(
        "lab",
        help="open your copy of the course in JupyterLab",
        description="Make your copy of the course in FOLDER, or bring it up to date (what you have written "
        "stays), and open it in JupyterLab.",
    )
    lab.add_argument(
        "folder",
        nargs="?",
        metavar="FOLDER",
        help="the folder of your copy (default: the course in a clone, elsewhere ./cnnkit-course)",
    )
    lab.add_argument(
        "--port", type=_port, metavar="N", help="the port to listen on (default: 8888 or the next free)"
    )
    lab.add_argument("--no-browser", action="store_true", help="print the address and open no browser")
    lab.add_argument(
        "--only-prepare", action="store_true", help="make the copy ready and end (for JupyterHub)"
    )
    lab.set_defaults(run=_lab)

    progress = commands.add_parser("progress", help="show what is solved, and what is next")
    progress.add_argument(
        "folder", nargs="?", metavar="FOLDER", help="the folder of your notebooks (default: this one)"
    )
    progress.add_argument("--html", metavar="FILE", help="write it as a page, too")
    progress.set_defaults(run=_progress)
    add_grade(commands)

    release = commands.add_parser(
        "release",
        help="write the course for a class, without solutions",
        description="Write the learner's notebooks, without solutions, and a README for the class.",
    )
    release.add_argument(
        "folder", metavar="FOLDER", help="a new or empty folder, one of an earlier release, or a .zip"
    )
    release.add_argument(
        "--only", nargs="+", default=(), metavar="NN", help="only these notebooks, as in: --only 01 05"
    )
    release.set_defaults(run=_release)

    devices = commands.add_parser("devices", help="list the OpenCL devices and test each")
    devices.set_defaults(run=_devices)

    train = commands.add_parser("train", help="train a small convolutional network")
    train.add_argument("--data", required=True, choices=EPOCHS, help="the labeled images to learn")
    train.add_argument(
        "--folder", metavar="F", help="the folder with the data set's files (default: download once)"
    )
    train.add_argument("--epochs", type=_count, metavar="N", help=f"default: {_defaults()}")
    train.add_argument(
        "--batch-size", type=_count, metavar="B", help="images per step (default: 64; 32 for digits)"
    )
    train.add_argument(
        "--lr",
        type=_rate,
        metavar="LR",
        help="Adam's first learning rate, which falls toward 0 (default: 0.002; 0.003 for digits)",
    )
    train.add_argument(
        "--seed", type=int, default=0, metavar="S", help="of the weights and the order (default: 0)"
    )
    train.add_argument("--device", metavar="D", help="a name, part of one, or an index of 'cnnkit devices'")
    train.add_argument("--save", metavar="FILE", help="write the trained network there, as safetensors")
    train.add_argument(
        "--checkpoint", metavar="FILE", help="write each epoch's state there; go on from it if it exists"
    )
    train.set_defaults(run=_train)
    _add_bench(commands)
    return parser


def _add_bench(commands: Any) -> None:
    bench = commands.add_parser("bench", help="measure the speed, beside PyTorch and NumPy")
    bench.add_argument("--quick", action="store_true", help="a part of each list, in under a minute")
    bench.add_argument(
        "--only", type=_parts, metavar="A,B", help=f"some of the parts: {', '.join(BENCH_PARTS)}"
    )
    bench.add_argument("--variants", action="store_true", help="time every convolution kernel by name, too")
    bench.add_argument("--device", metavar="D", help="a name, part of one, or an index of 'cnnkit devices'")
    bench.add_argument("--mnist", metavar="FOLDER", help="MNIST's four files, for the part time_to")
    bench.add_argument("--json", metavar="FILE", help="write all numbers there")
    bench.add_argument("--picture", metavar="FILE", help="draw the convolutions below their roof, as PNG")
    bench.add_argument("--markdown", metavar="FILE", help="write the tables there")
    bench.set_defaults(run=_bench)


def _defaults() -> str:
    return ", ".join(f"{epochs} for {name}" for name, epochs in EPOCHS.items())


def _count(text: str) -> int:
    if (value := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"{value} is below 1")
    return value


def _rate(text: str) -> float:
    if not 0 < (value := float(text)) < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return value


def _port(text: str) -> int:
    if not 1 <= (value := int(text)) <= 65535:
        raise argparse.ArgumentTypeError(f"{value} is not between 1 and 65535")
    return value


def _parts(text: str) -> list[str]:
    parts = [part.strip() for part in text.split(",")]
    for part in parts:
        if part not in BENCH_PARTS:
            raise argparse.ArgumentTypeError(f"{part!r} is none of {', '.join(BENCH_PARTS)}")
    return parts


# argparse names the type in its own message: "invalid whole number value: 'x'".
_count.__name__ = _port.__name__ = "whole number"
_rate.__name__ = "number"


def _lab(options: argparse.Namespace) -> int:
    from .lab import open_lab

    return open_lab(options.folder, options.port, not options.no_browser, options.only_prepare)


def _release(options: argparse.Namespace) -> int:
    from .release import release

    numbers = [number.zfill(2) for text in options.only for number in text.replace(",", " ").split()]
    for line in release(options.folder, tuple(numbers)):
        print(line)
    return 0


def _progress(options: argparse.Namespace) -> int:
    _expect_folder("--html", options.html)
    from .exercises.progress_view import command

    return command(options.folder, options.html)


def _devices(options: argparse.Namespace) -> int:
    from shutil import get_terminal_size

    from . import checkup

    devices = checkup.list_devices()
    verdicts = [_verdict(device["index"]) for device in devices]
    print(device_table(devices, verdicts, get_terminal_size().columns))
    try:
        chosen = checkup.chosen_device()
    except CnnkitError as error:
        print(f"cnnkit: {error}", file=sys.stderr)
        return 1
    print(f"\ncnnkit uses device {chosen['index']}, {chosen['name']}; CNNKIT_DEVICE=NAME chooses another.")
    return 0


def _verdict(index: int) -> str:
    from . import checkup

    try:
        checkup.self_test(index)
    except CnnkitError as error:
        return f"FAILED: {error}"
    return "passed"


def device_table(devices: list[dict[str, Any]], verdicts: list[str], width: int) -> str:
    """The table of `cnnkit devices`: a column for each device, as many side by side as `width` holds."""
    yes = {True: "yes", False: "no"}
    columns = [
        {
            "device": str(d["index"]),
            "name": d["name"],
            "platform": d["platform"],
            "version": d["version"],
            "kind": d["kind"],
            "compute units": str(d["compute_units"]),
            "memory": f"{d['memory_bytes'] / 2**30:.1f} GiB",
            "largest work-group": f"{d['max_work_group_size']} work-items",
            "local memory": f"{d['local_memory_bytes'] / 2**10:.0f} KiB",
            "fp64": yes[d["fp64"]],
            "sub-groups": yes[d["sub_groups"]],
            "self-test": verdict,
        }
        for d, verdict in zip(devices, verdicts, strict=True)
    ]
    label, cell = max(map(len, columns[0])), 28
    beside = max(1, (width - label) // (cell + 2))
    blocks = []
    for start in range(0, len(columns), beside):
        lines = []
        for key in columns[0]:
            wrapped = [textwrap.wrap(column[key], cell) for column in columns[start : start + beside]]
            for i, parts in enumerate(zip_longest(*wrapped, fillvalue="")):
                row = "  ".join([f"{'' if i else key:<{label}}", *(f"{part:<{cell}}" for part in parts)])
                lines.append(row.rstrip())
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def _expect_folder(option: str, file: str | None) -> None:
    """Refuse a file to write whose folder is missing: said before the work, not after."""
    if file and not Path(file).absolute().parent.is_dir():
        raise DataError(f"The folder of {option} {file} does not exist: make it first.")


def _train(options: argparse.Namespace) -> int:
    _expect_folder("--save", options.save)
    from . import data, device
    from .callbacks import LinearDecay
    from .models import small_cnn
    from .optim import Adam
    from .train import evaluate, fit

    if options.data == "digits":
        if options.folder is not None:
            raise DataError(
                "The digits come with scikit-learn: leave --folder out, or choose another --data."
            )
        train, test = data.digits()
    else:
        train, test = getattr(data, options.data)(options.folder)
    chosen = device.current_device() if options.device is None else device.use(options.device)
    epochs = options.epochs or EPOCHS[options.data]
    print(f"Device {chosen.index}: {chosen.name} ({chosen.kind}, {chosen.platform}); its self-test passed.")
    print(f"{len(train)} images to learn from, {len(test)} to test with; {epochs} epochs.", flush=True)
    model = small_cnn(train.images.shape[1:], len(train.classes), options.seed)
    history = fit(
        model,
        train,
        test,
        epochs=epochs,
        batch_size=options.batch_size or BATCH.get(options.data, 64),
        optimizer=Adam(options.lr or RATE.get(options.data, 2e-3)),
        seed=options.seed,
        callbacks=[LinearDecay(), _epoch_lines()],
        checkpoint=options.checkpoint,
        progress=sys.stderr.isatty(),
    )
    accuracy = evaluate(model, test)["accuracy"]
    print(f"Test accuracy {accuracy:.2%} ({round(accuracy * len(test))} of {len(test)} images).")
    if options.save:
        model.save(options.save)
        print(f"The network is in {options.save}.")
    return INTERRUPTED if history.stopped else 0


def _epoch_lines() -> Any:
    """The callback that prints a line after every epoch, above the progress bar where there is one."""
    from tqdm.auto import tqdm

    from .callbacks import Callback, Run

    class EpochLines(Callback):
        def on_epoch_end(self, run: Run) -> None:
            row = run.history.rows[-1]
            tqdm.write(
                f"epoch {row['epoch']}/{run.epochs}  loss {row['loss']:.4f}  accuracy {row['accuracy']:.2%}  "
                f"test accuracy {row['val_accuracy']:.2%}  {row['seconds']:.1f} s"
            )
            sys.stdout.flush()

    return EpochLines()


def _bench(options: argparse.Namespace) -> int:
    for name in ("json", "picture", "markdown"):
        _expect_folder(f"--{name}", getattr(options, name))
    if options.picture and options.only and "convolutions" not in options.only:
        raise CnnkitError("--picture draws the convolutions: add them to --only.")
    from . import bench, device
    from .bench.peers import MISSING
    from .bench.time_to import mnist_folder
    from .files import write_atomically

    if options.mnist:
        mnist_folder(options.mnist)  # raises
    chosen = device.current_device() if options.device is None else device.use(options.device)
    start = time.monotonic()
    _tell(f"Measuring device {chosen.index}: {chosen.name} ({chosen.kind}, {chosen.platform}).")
    if bench.find_torch() is None:
        _tell(MISSING)
    report = bench.run_benchmark(
        options.only,
        quick=options.quick,
        variants=options.variants,
        mnist=options.mnist,
        progress=lambda line: _tell(f"{time.monotonic() - start:6.1f} s  {line}"),
    )
    tables = bench.tables(report)
    print(bench.as_text(tables))
    if options.json:
        write_atomically(options.json, bench.to_json(report).encode())
    if options.markdown:
        write_atomically(options.markdown, bench.as_markdown(tables).encode())
    if options.picture and report.convolutions:
        bench.save_roofline(report, options.picture)
    return 1 if report.failed else 0


def _tell(line: str) -> None:
    """To stderr: what goes on, beside the result."""
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())

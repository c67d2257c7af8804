"""Makes the calls that `any_call_draws` describes and judges what comes of them.

Run as a program it serves calls one by one, so that a crash of the interpreter ends this process alone.
"""

import io
import math
import re
import sys
import warnings
from contextlib import redirect_stderr, redirect_stdout
from decimal import Decimal
from fractions import Fraction
from multiprocessing.connection import Connection

import numpy as np

import cnnkit
from cnnkit import reference
from cnnkit.array import is_device_array, to_numpy
from cnnkit.gradcheck import GradcheckError, gradcheck
from cnnkit.train import evaluate

PRETENDED_ALLOCATION = (
    4 << 20
)  # so that a call that asks for too much is refused and not computed for minutes
LARGEST = float(np.finfo(np.float32).max)
NAMES = {"np": np, "math": math, "Fraction": Fraction, "Decimal": Decimal, "cnnkit": cnnkit}


class Wrong(Exception):
    """An answer, or a refusal, that is not as promised."""


# What is passed.


def made(value):
    """The argument that a drawn value stands for."""
    return eval(value, dict(NAMES)) if isinstance(value, str) else array(*value)


def array(shape, dtype, layout, kind, seed):
    if layout == "huge":
        return np.broadcast_to(np.ones((), dtype), shape)  # no memory at all, until somebody copies it
    numbers = filled(tuple(shape), kind, np.random.default_rng(seed))
    return laid_out(as_type(numbers, np.dtype(dtype)), layout)


def filled(shape, kind, rng):
    numbers = rng.standard_normal(shape)
    if kind == "zeros":
        return np.zeros(shape)
    if kind in ("nan", "inf"):
        return np.full(shape, float(kind))
    if kind == "far apart":
        return numbers * 10.0 ** rng.integers(-30, 18, shape)
    if kind.startswith("one "):
        numbers = np.array(numbers)
        if numbers.size:
            numbers.flat[int(rng.integers(numbers.size))] = float(kind[4:])
        return numbers
    if kind in ("normal", "ones"):
        return numbers
    factor = {"denormal": 1e-40, "tiny": 1e-20}.get(kind)
    return np.sign(numbers) * float(kind) if factor is None else numbers * factor


def as_type(numbers, dtype):
    with np.errstate(all="ignore"):
        if dtype.kind in "iu":
            whole = np.nan_to_num(numbers * 3, posinf=100, neginf=-100)
            return np.clip(whole, -100 if dtype.kind == "i" else 0, 100).astype(dtype)
        if dtype.kind == "V":
            return np.zeros(numbers.shape, dtype)
        if dtype.kind == "M":
            return np.zeros(numbers.shape, "i8").astype(dtype)
        return np.asarray(numbers.astype(dtype))


def laid_out(values, layout):
    values = np.asarray(values)
    if layout == "F":
        return np.asfortranarray(values).reshape(values.shape, order="F")
    if layout == "reversed":
        return values[::-1].copy()[::-1] if values.ndim else values
    if layout == "strided" and values.ndim:
        return np.repeat(values, 2, axis=-1)[..., ::2]
    if layout == "readonly":
        values.flags.writeable = False
    if layout == "list" and values.size:
        return values.tolist()
    if layout.startswith("device") and values.dtype.kind in "fiub":
        return on_device(values, layout)
    return values


def on_device(values, layout):
    import pyopencl.array as cl_array

    queue = cnnkit.current_device().queue
    values = np.ascontiguousarray(values, values.dtype.newbyteorder("=")).reshape(values.shape)
    if values.dtype.itemsize > 8 or not values.size:
        return values
    if layout == "device strided" and values.ndim:
        return cl_array.to_device(queue, np.repeat(values, 2, axis=-1).copy())[..., ::2]
    if layout == "device offset" and values.ndim:
        return cl_array.to_device(queue, np.concatenate([values[:1], values]))[1:]
    return cl_array.to_device(queue, values)


# What it should come to.


def float64(value):
    """An array argument as the kernels see it: rounded to float32, then exact."""
    value = host(value)
    with np.errstate(all="ignore"):
        return np.asarray(np.asarray(value), np.float32).astype(np.float64)


def finite(values):
    return np.where(np.isfinite(values), values, 0.0)


def single(value):
    with np.errstate(all="ignore"):
        return float(np.float32(value))


class Answer:
    """Expected values, their error's scale (the size of the terms that were added up), and terms per sum."""

    def __init__(self, expected, scale=None, length=1, spreads=False):
        self.expected = np.asarray(expected, np.float64)
        self.scale = np.abs(finite(self.expected)) if scale is None else np.asarray(scale, np.float64)
        self.length = max(1, length)
        self.spreads = spreads

    def compare(self, got, what):
        if not hasattr(got, "get"):
            raise Wrong(f"{what} is a {type(got).__name__}")
        if got.dtype != np.float32 or got.context != cnnkit.current_device().context:
            raise Wrong(f"{what} is {got.dtype} or lies elsewhere")
        got = got.get().astype(np.float64)
        if got.shape != self.expected.shape:
            raise Wrong(f"{what} has shape {got.shape} where {self.expected.shape} is right")
        scale = np.broadcast_to(self.scale, got.shape)
        judged = scale < LARGEST / 4  # beyond it, sums in float32 may overflow
        if self.spreads:  # 0 times infinity: kernels that step over no gap have a NaN there
            judged &= ~(np.isnan(got) & np.isfinite(self.expected))
        special = judged & ~np.isfinite(self.expected)
        if not np.array_equal(got[special], self.expected[special], equal_nan=True):
            raise Wrong(f"{what} is {got.tolist()} where {self.expected.tolist()} is right")
        judged &= np.isfinite(self.expected)
        if not np.isfinite(got[judged]).all():
            raise Wrong(f"a silent NaN or infinity: {what} is {got.tolist()}, not {self.expected.tolist()}")
        with np.errstate(all="ignore"):
            allowed = 2e-6 * math.sqrt(self.length) * scale + 1e-37
            error = np.abs(got - self.expected)
        if (error[judged] > allowed[judged]).any():
            worst = error[judged].max()
            raise Wrong(f"{what} is wrong by {worst:.3g}: {got.tolist()}, not {self.expected.tolist()}")


def answers(operation, args):
    """What a function of `cnnkit.ops` should return, by `cnnkit.reference`."""
    arrays = ("x", "w", "b", "dy", "y", "a", "logits", "pred", "target")
    exact = {k: float64(v) if k in arrays and v is not None else v for k, v in args.items()}
    exact.pop("variant", None)
    for name in ("p", "slope"):
        if name in exact:
            exact[name] = single(exact[name])
    if "labels" in exact:
        exact["labels"] = np.asarray(host(exact["labels"])).astype(np.int64)
    sizes = {k: np.abs(finite(v)) if k in arrays and v is not None else v for k, v in exact.items()}
    function = getattr(reference, operation)
    with np.errstate(all="ignore"):
        expected = function(**exact)
        scales = SCALES.get(operation, lambda f, s, e: None)(function, sizes, exact)
    lengths = LENGTHS.get(operation, lambda e: 1)(exact)
    many = isinstance(expected, tuple)
    expected = expected if many else (expected,)
    scales = scales if isinstance(scales, tuple) else (scales,) * len(expected)
    lengths = lengths if isinstance(lengths, tuple) else (lengths,) * len(expected)
    spreads = operation.startswith("conv2d") and not np.isfinite(exact["w"]).all()
    return [Answer(e, s, n, spreads) for e, s, n in zip(expected, scales, lengths, strict=True)]


def host(value):
    """A device array's numbers, strided ones too; anything else as it is."""
    return to_numpy(value, dtype=value.dtype) if is_device_array(value) else value


def same_with_sizes(function, sizes, exact):
    """For sums of products: the same sum, of the terms' sizes."""
    return function(**sizes)


def pool_scale(function, sizes, exact):
    return function(**{**sizes, "x": exact["x"]})  # the same winners


def row_size(x):
    return np.abs(x).max(axis=1, keepdims=True)


def cross_entropy_scale(function, sizes, exact):
    return 2 * row_size(sizes["logits"]).mean() + np.log(sizes["logits"].shape[1]) + 1


def tanh_backward_scale(function, sizes, exact):
    square = sizes["y"] ** 2  # of an output of tanh it is below 1; of other numbers it may be too large
    return np.where(square < LARGEST, sizes["dy"] * (1 + square), np.inf)


def mse_scale(function, sizes, exact):
    return function(sizes["pred"], -sizes["target"], sizes.get("reduction", "mean"))


SCALES = {
    "conv2d": same_with_sizes,
    "conv2d_backward": same_with_sizes,
    "avg_pool2d": same_with_sizes,
    "avg_pool2d_backward": same_with_sizes,
    "max_pool2d_backward": pool_scale,
    "matmul": same_with_sizes,
    "matmul_backward": same_with_sizes,
    "linear": same_with_sizes,
    "linear_backward": same_with_sizes,
    "tanh_backward": tanh_backward_scale,
    "sigmoid_backward": lambda f, s, e: s["dy"] * (1 + s["y"]) * (1 + s["y"]),
    "softmax": lambda f, s, e: finite(f(e["x"])) * (1 + 2 * row_size(s["x"])) + 1e-30,
    "log_softmax": lambda f, s, e: 1 + s["x"] + 2 * row_size(s["x"]),
    "softmax_backward": lambda f, s, e: (1 + s["y"]) * (s["dy"] + (s["dy"] * s["y"]).sum(1, keepdims=True)),
    "log_softmax_backward": lambda f, s, e: (
        s["dy"] + np.exp(finite(e["y"])) * (1 + s["y"]) * (1 + s["dy"].sum(1, keepdims=True))
    ),
    "cross_entropy": cross_entropy_scale,
    "cross_entropy_backward": lambda f, s, e: (1 + row_size(s["logits"])) / len(e["logits"]),
    "mse": mse_scale,
    "mse_backward": mse_scale,
}
LENGTHS = {
    "conv2d": lambda e: e["w"][0].size if len(e["w"]) else 1,
    "conv2d_backward": lambda e: (e["w"][:, 0].size, e["dy"][:, 0].size, e["dy"][:, 0].size),
    "avg_pool2d": lambda e: 9,
    "avg_pool2d_backward": lambda e: 9,
    "max_pool2d_backward": lambda e: 9,
    "matmul": lambda e: max(e["a"].shape),
    "matmul_backward": lambda e: (e["dy"].shape[1], e["dy"].shape[0]),
    "linear": lambda e: e["w"].shape[1] + 1,
    "linear_backward": lambda e: (e["w"].shape[0], len(e["x"]), len(e["x"])),
    "softmax": lambda e: e["x"].shape[1],
    "log_softmax": lambda e: e["x"].shape[1],
    "softmax_backward": lambda e: e["y"].shape[1],
    "log_softmax_backward": lambda e: e["y"].shape[1],
    "cross_entropy": lambda e: len(e["logits"]),
    "mse": lambda e: e["pred"].size,
}


def compare(got, expected, what):
    got = got if isinstance(got, tuple) else (got,)
    if len(got) != len(expected):
        raise Wrong(f"{what} returned {len(got)} arrays where {len(expected)} are right")
    for index, (one, answer) in enumerate(zip(got, expected, strict=True)):
        answer.compare(one, f"{what}[{index}]")


# The operations. Each takes the arguments, makes the call and compares.


def function_call(operation, args):
    compare(getattr(cnnkit, operation)(**args), answers(operation, args), operation)


def to_device_call(operation, args):
    compare(cnnkit.to_device(**args), [Answer(float64(args["values"]))], operation)


# By layer: the reference's functions, the arguments they take, and what backward takes in place of x.
LAYER_FUNCTIONS = {
    "Conv2d": ("conv2d", ("stride", "padding", "dilation")),
    "Linear": ("linear", ()),
    "MaxPool2d": ("max_pool2d", ("kernel_size", "stride", "padding")),
    "AvgPool2d": ("avg_pool2d", ("kernel_size", "stride", "padding", "count_include_pad")),
    "ReLU": ("relu", ()),
    "LeakyReLU": ("leaky_relu", ("slope",)),
    "Tanh": ("tanh", ()),
    "Sigmoid": ("sigmoid", ()),
    "Softmax": ("softmax", ()),
    "Flatten": ("flatten", ()),
}


def layer_call(operation, args):
    x, dy = args.pop("x"), args.pop("dy")
    layer = getattr(cnnkit, operation)(**args)
    repr(layer)
    y = layer.forward(x)
    dx = layer.backward(dy)
    if operation == "Dropout":
        how = {"p": args["p"], "seed": layer.kept}
        compare(y, answers("dropout", {"x": x, **how}), "forward")
        compare(dx, answers("dropout_backward", {"dy": dy, **how}), "backward")
        compare(layer(x), [Answer(float64(x))], "call")
        return
    function, names = LAYER_FUNCTIONS[operation]
    how = {name: args[name] for name in names if name in args}
    weights = {name: p.value for name, p in layer.named_parameters().items()}
    expected = answers(function, {"x": x, **weights, **how})
    compare(y, expected, "forward")
    compare(layer(x), expected, "call")
    if tuple(y.shape[1:]) != tuple(layer.output_shape(tuple(shape_of(x)[1:]))) and np.ndim(host(x)) > 1:
        raise Wrong(
            f"output_shape says {layer.output_shape(tuple(shape_of(x)[1:]))}, forward gives {y.shape}"
        )
    compare(gradients_of(layer, dx), layer_gradients(operation, x, dy, y, weights, how), "backward")


def shape_of(x):
    return np.shape(host(x))


def gradients_of(layer, dx):
    return (dx, *(p.grad for p in layer.parameters))


def layer_gradients(operation, x, dy, y, weights, how):
    back = LAYER_FUNCTIONS[operation][0] + "_backward"
    if operation in ("Conv2d", "Linear"):
        expected = answers(back, {"dy": dy, "x": x, "w": weights["w"], **how})
        return expected if "b" in weights else expected[:2]
    if operation in ("Tanh", "Sigmoid", "Softmax"):
        return answers(back, {"dy": dy, "y": y})
    if operation in ("AvgPool2d", "Flatten"):
        return answers(back, {"dy": dy, "x_shape": tuple(shape_of(x)), **how})
    return answers(back, {"dy": dy, "x": x, **how})


def loss_call(operation, args):
    name = {"CrossEntropyLoss": "cross_entropy", "MSELoss": "mse"}[operation]
    loss = getattr(cnnkit, operation)()
    given = tuple(args.values())
    compare(loss(*given), answers(name, args), "loss")
    slopes = answers(f"{name}_backward", args)
    compare(loss.backward(*given), slopes, "backward")
    values, _, dy = loss.step(*given)
    compare(dy, slopes, "step")
    whole = answers(name, args)[0]
    mean = values.get().astype(np.float64).mean()
    if np.isfinite(whole.expected) and abs(mean - whole.expected) > 1e-4 * whole.scale + 1e-30 < LARGEST / 4:
        raise Wrong(f"step's loss is {mean} and the loss {whole.expected}")


def optimizer_call(operation, args):
    from cnnkit.layers import Parameter

    w, g, steps = args.pop("w"), args.pop("g"), args.pop("steps")
    optimizer = getattr(cnnkit, operation)(**args)
    repr(optimizer)
    parameter = Parameter(w)
    expected = float64(parameter.value)
    size = np.abs(finite(expected))
    parameter.grad = cnnkit.to_device(g)
    if not (isinstance(steps, int) and 0 < steps < 9):
        steps = 1
    for _ in range(steps):
        optimizer.step([parameter])
    how = {name: single(value) for name, value in args.items()}
    slope = float64(g)
    kept = [np.zeros_like(expected) for _ in optimizer.remembers]
    function = getattr(reference, {"SGD": "sgd_step", "Adam": "adam_step"}[operation])
    with np.errstate(all="ignore"):
        for t in range(1, steps + 1):
            time = (t,) if operation == "Adam" else ()
            before = expected
            expected, *kept = function(expected, slope, *kept, *time, **how)
            size = (
                size
                + np.abs(finite(expected - before))
                + np.max([np.zeros_like(size), *(np.abs(finite(k)) for k in kept)], axis=0)
            )
        terms = np.abs(finite(slope)) + how["weight_decay"] * size
        if operation == "Adam":
            # Squares below float32's range are lost: then eps is all that stands below the line.
            judged = (terms > 1e-15) | (terms == 0)
            size = np.where(judged & (terms < 1e15), 100 * size + how["lr"] * 100, np.inf)
        else:
            size = size + how["lr"] * terms
    Answer(expected, size, 9).compare(parameter.value, "the parameter")


NETWORKS = [
    lambda: (cnnkit.Flatten(), cnnkit.Linear(36, 4)),
    lambda: (
        cnnkit.Conv2d(1, 3, 3),
        cnnkit.ReLU(),
        cnnkit.MaxPool2d(2),
        cnnkit.Flatten(),
        cnnkit.Linear(12, 4),
    ),
    lambda: (cnnkit.Conv2d(1, 2, 3, stride=2), cnnkit.Tanh(), cnnkit.Flatten(), cnnkit.Linear(8, 4)),
    lambda: (cnnkit.AvgPool2d(2), cnnkit.Flatten(), cnnkit.Linear(9, 4), cnnkit.Softmax()),
]


def network_call(operation, args):
    layers = args["layers"]
    if isinstance(layers, int) and not isinstance(layers, bool) and 0 <= layers < len(NETWORKS):
        layers = NETWORKS[layers]()
    elif not isinstance(layers, (tuple, list)):
        layers = (layers,)
    model = cnnkit.Sequential(*layers, seed=args["seed"])
    x = args["x"]
    y = model.forward(x)
    expected = [Answer(float64(x))]
    for layer in model.layers:
        how = {name: layer.config[name] for name in ("kernel_size", "stride") if name in layer.config}
        if type(layer).__name__ == "Conv2d":
            del how["kernel_size"]
        weights = {name: p.value for name, p in layer.named_parameters().items()}
        function = LAYER_FUNCTIONS[type(layer).__name__][0]
        expected = answers(function, {"x": expected[0].expected, **weights, **how})
    expected[0].scale = expected[0].scale * 10 + 1e-2 * float(np.abs(finite(float64(x))).max(initial=0))
    compare(y, expected, "forward")
    compare(cnnkit.to_device(model.predict(x, args["batch_size"])), expected, "predict")
    model.summary((1, 6, 6))
    if y.size:
        model.backward(y)
        for name, parameter in model.named_parameters().items():
            moderate = np.isfinite(float64(x)).all() and np.abs(float64(x)).max() < 1e9
            if moderate and not np.isfinite(parameter.grad.get()).all():
                raise Wrong(f"{name}.grad is not finite")


def training_call(operation, args):
    model = cnnkit.Sequential(*NETWORKS[1](), seed=0)
    before = model.state()
    data = (args.pop("inputs"), args.pop("targets"))
    try:
        if operation == "evaluate":
            loss = evaluate(model, data, **args)["loss"]
            if not np.isfinite(loss) and np.abs(float64(data[0])).max() < 1e15:
                raise Wrong(f"the loss is {loss}")
        else:
            history = cnnkit.fit(model, data, progress=False, **args)
            if not all(np.isfinite(value).all() for value in model.state().values()) or not len(history):
                raise Wrong("the trained model is not finite, or nothing was trained")
            return
    except cnnkit.TrainingError:
        raise
    except cnnkit.CnnkitError:
        if any(not np.array_equal(value, before[name]) for name, value in model.state().items()):
            raise Wrong("the call was refused and yet moved the weights") from None
        raise


def gradcheck_call(operation, args):
    right = args.pop("right")
    factor = 2 if right is True else 1
    inputs = args.pop("inputs")
    inputs = [inputs] if isinstance(inputs, np.ndarray) else inputs
    try:
        worst = gradcheck(lambda x: x**2, lambda dy, x: factor * x * dy, inputs, **args)
    except GradcheckError as error:
        if "is wrong" in str(error) and factor == 2 and float(np.abs(inputs[0]).max()) > 1e-3:
            raise Wrong(f"a right gradient is called wrong: {error}") from None
        raise
    if not 0 <= worst <= args["rtol"]:
        raise Wrong(f"the error is {worst} and rtol {args['rtol']}")
    if factor == 1 and args["rtol"] < 0.1 and float(np.abs(inputs[0]).max()) > 1e-3:
        raise Wrong("a wrong gradient passed")


def use_call(operation, args):
    try:
        if cnnkit.use(**args) not in cnnkit.devices():
            raise Wrong("it is no device of this machine")
    finally:
        cnnkit.use(START)


CALLS = {
    "to_device": to_device_call,
    "CrossEntropyLoss": loss_call,
    "MSELoss": loss_call,
    "SGD": optimizer_call,
    "Adam": optimizer_call,
    "Sequential": network_call,
    "fit": training_call,
    "evaluate": training_call,
    "gradcheck": gradcheck_call,
    "use": use_call,
    "Dropout": layer_call,
    **dict.fromkeys(LAYER_FUNCTIONS, layer_call),
}


# The verdict.


def verdict(operation, args, valid):
    """("right" or "refused", words) of a call that did as promised; ("wrong", words) of one that did not."""
    try:
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            warnings.simplefilter("error")
            CALLS.get(operation, function_call)(
                operation, {name: made(value) for name, value in args.items()}
            )
    except cnnkit.BuildError as error:
        return "wrong", f"a kernel that does not compile: {error}"
    except GradcheckError as error:
        return unclear(str(error)) or ("refused", str(error))
    except cnnkit.CnnkitError as error:
        if valid:
            return "wrong", f"a valid call was refused: {type(error).__name__}: {error}"
        return unclear(str(error)) or ("refused", f"{type(error).__name__}: {error}")
    except Wrong as error:
        return "wrong", str(error)[:3000]
    except Exception as error:
        import traceback

        where = "".join(traceback.format_tb(error.__traceback__)[-3:])
        return "wrong", f"{type(error).__name__}: {error}\n{where}"
    return "right", ""


def unclear(message):
    """What keeps a message from being a sentence with the values concerned, as a verdict; None if nothing."""
    problems = [
        words
        for words, found in {
            "it has several lines": "\n" in message,
            "it is too long": len(message) > 700,
            "it is too short": len(message.split()) < 5,
            "it names no value": not re.search(
                r"\d|['<(\[{]|\b(type|not) \w+|None|nan|inf|True|False", message
            ),
            "it speaks of pyopencl": "pyopencl" in message or "clEnqueue" in message or "0x" in message,
        }.items()
        if found
    ]
    return ("wrong", f"an unclear message ({', '.join(problems)}): {message}") if problems else None


def serve(pipe):
    cnnkit.current_device().max_allocation_bytes = PRETENDED_ALLOCATION
    pipe.send("ready")
    while True:
        try:
            call = pipe.recv()
        except EOFError:
            return
        pipe.send(verdict(*call))


START = cnnkit.current_device()

if __name__ == "__main__":
    serve(Connection(int(sys.argv[1])))

"""Calls of the public operations as hypothesis draws them: plain data, made into calls by `any_call_child`.

A call is (operation, {argument: value}, valid): a value is the source text of a Python expression, or a tuple
(shape, dtype, layout, kind of values, seed) that stands for an array. `valid` calls must be answered.
"""

from hypothesis import strategies as st

# What a learner, or a bug in their program, may pass where a number, a pair or an array is asked for.
WILD = """None;True;False;0;-1;1;2;3;7;2**20;2**20+1;2**31-1;2**31;2**63;10**30;-2**31
10**400;0.5;1.0;2.5;-0.0;1e-300;1e300;1e-46;3.5e38;math.nan;math.inf;-math.inf;np.int8(3);np.int64(2);np.uint8(1);np.float32(1.5)
np.float64('nan');np.bool_(True);np.array(2);np.array([1, 2]);np.zeros((3, 3));np.array([]);np.float64(2)
'';'same';'valid';'mean';'sum';'plain';'blocked';'abc';b'x';();(1,);(1, 2);(2, 1);(0, 1);(1, 2, 3)
((1, 1), (0, 2));((1,), (2,));(1.0, 2)
(None, 1);('a', 'b');(1, -1);(2**20, 2**20);(2**40, 1);[1, 2];[[1, 2], [3, 4]];[1, [2, 3]];[]
{};{1: 2};{1, 2};object();int;print;1j;Fraction(1, 3);Decimal('0.5');range(3);slice(1);Ellipsis
np.datetime64('2020');'x' * 10000;list(range(1000));memoryview(b'abcd');np.longdouble(1);[np.nan, 1];[[[]]]
np.array([1, 'a'], object);np.zeros(3, [('a', 'f4')]);np.ma.zeros(3);(2, 3, 4, 4);(-1, -1);(1, 1, -4, -4)
(2, 2, 2**40, 2**40);(0, 0);[None];(True, False);np.zeros((0, 3));cnnkit;cnnkit.ReLU();cnnkit.ReLU
{'a': [1, 2]};float('1e38');-1e38;np.array(np.nan);(math.nan, 1);((1, 2), 3);((1, 2, 3), (1, 2));'-5';'--5'"""
WILD = [text.strip() for line in WILD.splitlines() for text in line.split(";")]

DTYPES = ["f4", "f8", "f2", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?", ">f4", ">f8", ">i4", "g"]
NO_NUMBERS = ["c8", "c16", "O", "U3", "S3", "M8[s]", "V4"]
LAYOUTS = ["C", "F", "reversed", "strided", "readonly", "list", "device", "device strided", "device offset"]
HUGE = [(2**20, 2**20), (2**40,), (2**20, 1, 2**10, 2**10), (3, 2**42), (1, 1, 2**28, 2**28)]
ODD_VALUES = [
    "zeros",
    "denormal",
    "1e15",
    "1e30",
    "3e38",
    "nan",
    "inf",
    "one nan",
    "one inf",
    "tiny",
    "far apart",
]

sizes, small = st.integers(1, 6), st.integers(1, 3)
seeds = st.integers(0, 999)


@st.composite
def wild_arrays(draw):
    """An array of any shape, type, layout and values."""
    if draw(st.integers(0, 15)) == 0:
        return (draw(st.sampled_from(HUGE)), draw(st.sampled_from(["f4", "f8", "u1"])), "huge", "ones", 0)
    shape = tuple(draw(st.lists(st.integers(0, 9), max_size=5)))
    dtype = draw(st.sampled_from(DTYPES + NO_NUMBERS))
    kind = draw(st.sampled_from(["normal", *ODD_VALUES]))
    return (shape, dtype, draw(st.sampled_from(LAYOUTS)), kind, draw(seeds))


wild_values = st.one_of(st.sampled_from(WILD), st.sampled_from(WILD), wild_arrays())


class Maker:
    """Draws the arguments of calls that are right."""

    def __init__(self, draw):
        self.draw = draw
        # Most arrays are what learners pass; some are of other types and layouts, some hold odd values.
        self.plain = draw(st.booleans())
        self.odd = draw(st.integers(0, 3)) == 0

    def array(self, *shape, kind=None):
        dtype = "f4" if self.plain else self.draw(st.sampled_from(DTYPES))
        layout = "C" if self.plain else self.draw(st.sampled_from(LAYOUTS))
        if kind is None:
            kind = self.draw(st.sampled_from(ODD_VALUES)) if self.odd else "normal"
        return (shape, dtype, layout, kind, self.draw(seeds))

    def one(self, strategy):
        return self.draw(strategy)

    def of(self, *values):
        return repr(self.draw(st.sampled_from(values)))

    def size(self):
        return self.draw(sizes)

    def batch(self):
        return self.draw(st.integers(0, 4))

    def pair(self, low, high):
        both = (self.draw(st.integers(low, high)), self.draw(st.integers(low, high)))
        form = self.draw(st.integers(0, 4))
        as_one = (both[0], both[0])
        return (
            [(repr(both[0]), as_one), (f"np.int64({both[0]})", as_one), (repr(list(both)), both)][form % 3]
            if (form < 3)
            else (repr(both), both)
        )

    # Windows that fit, and the arguments that say so.

    def windows(self, names, max_pad=2, dilated=False):
        text, kernel = self.pair(1, 3)
        stride_text, stride = self.pair(1, 4)
        dilation_text, dilation = self.pair(1, 2) if dilated else ("1", (1, 1))
        room = min(kernel) - 1 if max_pad is None else max_pad
        pad_text, pad = self.pair(0, room)
        hw = []
        for k, p, d in zip(kernel, pad, dilation, strict=True):
            least = max(d * (k - 1) + 1 - 2 * p, 1)
            hw.append(self.draw(st.integers(least, least + 5)))
        out = [
            (n + 2 * p - d * (k - 1) - 1) // s + 1
            for n, p, d, k, s in zip(hw, pad, dilation, kernel, stride, strict=True)
        ]
        how = dict(zip(names, (text, stride_text, pad_text, dilation_text), strict=False))
        return tuple(kernel), tuple(hw), tuple(out), how


def conv2d(m, backward=False):
    kernel, hw, out, how = m.windows(("_", "stride", "padding", "dilation"), dilated=True)
    del how["_"]
    if m.draw(st.integers(0, 3)) == 0 and not backward:
        how["padding"] = m.of("same")
    n, c, k = m.batch(), m.one(small), m.one(st.sampled_from([1, 2, 3, 5, 16, 17]))
    args = {"x": m.array(n, c, *hw), "w": m.array(k, c, *kernel), **how}
    if backward:
        args["dy"] = m.array(n, k, *out)
        args["variant"] = m.of(None, None, "plain", "gemm", "implicit_gemm", "blocked")
    else:
        args["variant"] = m.of(None, None, "plain", "tiled", "gemm", "implicit_gemm", "blocked")
        if m.one(st.booleans()):
            args["b"] = m.array(k)
    return args


def pool(m, what):
    _, hw, out, how = m.windows(("kernel_size", "stride", "padding"), max_pad=None)
    n, c = m.batch(), m.one(small)
    if what == "max_pool2d":
        return {"x": m.array(n, c, *hw), **how, "variant": m.of(None, "plain", "blocked")}
    if what == "max_pool2d_backward":
        args = {"x": m.array(n, c, *hw), "dy": m.array(n, c, *out), **how}
        return {**args, "variant": m.of(None, "plain", "blocked")}
    args = {**how, "count_include_pad": m.of(True, False)}
    if what == "avg_pool2d":
        return {"x": m.array(n, c, *hw), **args}
    return {"dy": m.array(n, c, *out), "x_shape": repr((n, c, *hw)), **args}


def shape_of_any(m):
    return tuple(m.one(st.lists(st.integers(0, 5), max_size=4)))


def elementwise(m, names, **more):
    shape = shape_of_any(m)
    return {name: m.array(*shape) for name in names} | more


def matmul(m):
    rows, inner, columns = m.one(st.integers(0, 9)), m.one(st.integers(0, 9)), m.one(st.integers(0, 20))
    turned = m.one(st.booleans()), m.one(st.booleans())
    a, b = (rows, inner), (inner, columns)
    return {
        "a": m.array(*(a[::-1] if turned[0] else a)),
        "b": m.array(*(b[::-1] if turned[1] else b)),
        "transpose_a": repr(turned[0]),
        "transpose_b": repr(turned[1]),
        "variant": m.of(None, "plain", "blocked"),
    }


def matmul_backward(m):
    rows, inner, columns = m.size(), m.size(), m.size()
    return {"dy": m.array(rows, columns), "a": m.array(rows, inner), "b": m.array(inner, columns)}


def linear(m, backward=False):
    n, inputs, outputs = m.batch(), m.size(), m.one(st.integers(1, 20))
    args = {"x": m.array(n, inputs), "w": m.array(outputs, inputs)}
    if backward:
        return {"dy": m.array(n, outputs), **args}
    if m.one(st.booleans()):
        args["b"] = m.array(outputs)
    return args | {"variant": m.of(None, "plain", "blocked")}


def labels(m, rows, classes):
    values = [m.one(st.integers(0, classes - 1)) for _ in range(rows)]
    dtype = m.one(st.sampled_from(["'i4'", "'i8'", "'u1'", "'f4'", "'>i2'"]))
    return f"np.array({values}, {dtype})" if m.one(st.booleans()) else repr(values)


def cross_entropy(m):
    rows, classes = m.size(), m.size()
    return {"logits": m.array(rows, classes), "labels": labels(m, rows, classes)}


def mse(m):
    shape = tuple(m.one(st.lists(st.integers(1, 4), max_size=4)))
    return {"pred": m.array(*shape), "target": m.array(*shape), "reduction": m.of("mean", "sum")}


def flatten_backward(m):
    n, c, h = m.batch(), m.size(), m.size()
    return {"dy": m.array(n, c * h), "x_shape": repr((n, c, h))}


def scores(m, names):
    n, classes = m.batch(), m.size()
    return {name: m.array(n, classes) for name in names}


def dropout(m, name):
    return elementwise(m, (name,), p=m.of(0, 0.5, 0.25, 0.999), seed=m.of(0, 1, -3, 2**40))


SLOPES = (0.01, 0, -0.5, 2)

# A layer's settings come as one argument each; x and dy are arrays that fit.


def conv_layer(m):
    _, hw, out, how = m.windows(("kernel_size", "stride", "padding", "dilation"), dilated=True)
    n, c, k = m.batch(), m.one(small), m.one(st.sampled_from([1, 3, 16]))
    how |= {"in_channels": repr(c), "out_channels": repr(k), "bias": m.of(True, False), "seed": "1"}
    return {**how, "init": m.of("he", "glorot"), "x": m.array(n, c, *hw), "dy": m.array(n, k, *out)}


def linear_layer(m):
    n, inputs, outputs = m.batch(), m.size(), m.size()
    how = {"in_features": repr(inputs), "out_features": repr(outputs), "bias": m.of(True, False), "seed": "1"}
    return {**how, "x": m.array(n, inputs), "dy": m.array(n, outputs)}


def pool_layer(m, average):
    _, hw, out, how = m.windows(("kernel_size", "stride", "padding"), max_pad=None)
    n, c = m.batch(), m.one(small)
    if average:
        how["count_include_pad"] = m.of(True, False)
    return {**how, "x": m.array(n, c, *hw), "dy": m.array(n, c, *out)}


def optimizer(m, **settings):
    shape = tuple(m.one(st.lists(st.integers(1, 4), max_size=3)))
    args = {name: m.of(*values) for name, values in settings.items()}
    return {"w": m.array(*shape), "g": m.array(*shape), "steps": m.of(1, 2, 3), **args}


def training(m, **more):
    n = m.one(st.integers(1, 9))
    values = "normal" if m.plain else "zeros"
    return {"inputs": m.array(n, 1, 6, 6, kind=values), "targets": labels(m, n, 4), **more}


def network(m):
    n = m.one(st.integers(0, 5))
    return {
        "layers": m.of(0, 1, 2, 3),
        "seed": m.of(0, 1, 7),
        "x": m.array(n, 1, 6, 6, kind="normal"),
        "batch_size": m.of(1, 2, 256),
    }


def gradcheck(m):
    shape = tuple(m.one(st.lists(st.integers(1, 4), max_size=3)))
    inputs = (shape, "f8", "C", "normal", m.one(seeds))
    return {
        "right": m.of(True, True, False),
        "inputs": inputs,
        "seed": m.of(0, 5),
        "eps": "1e-6",
        "rtol": "1e-6",
    }


MAKERS = {
    "conv2d": conv2d,
    "conv2d_backward": lambda m: conv2d(m, backward=True),
    "max_pool2d": lambda m: pool(m, "max_pool2d"),
    "max_pool2d_backward": lambda m: pool(m, "max_pool2d_backward"),
    "avg_pool2d": lambda m: pool(m, "avg_pool2d"),
    "avg_pool2d_backward": lambda m: pool(m, "avg_pool2d_backward"),
    "matmul": matmul,
    "matmul_backward": matmul_backward,
    "linear": linear,
    "linear_backward": lambda m: linear(m, backward=True),
    "flatten": lambda m: {"x": m.array(m.batch(), *m.one(st.lists(sizes, min_size=1, max_size=3)))},
    "flatten_backward": flatten_backward,
    "relu": lambda m: elementwise(m, ("x",)),
    "relu_backward": lambda m: elementwise(m, ("dy", "x")),
    "leaky_relu": lambda m: elementwise(m, ("x",), slope=m.of(*SLOPES)),
    "leaky_relu_backward": lambda m: elementwise(m, ("dy", "x"), slope=m.of(*SLOPES)),
    "tanh": lambda m: elementwise(m, ("x",)),
    "tanh_backward": lambda m: elementwise(m, ("dy", "y")),
    "sigmoid": lambda m: elementwise(m, ("x",)),
    "sigmoid_backward": lambda m: elementwise(m, ("dy", "y")),
    "softmax": lambda m: scores(m, ("x",)),
    "softmax_backward": lambda m: scores(m, ("dy", "y")),
    "log_softmax": lambda m: scores(m, ("x",)),
    "log_softmax_backward": lambda m: scores(m, ("dy", "y")),
    "dropout": lambda m: dropout(m, "x"),
    "dropout_backward": lambda m: dropout(m, "dy"),
    "cross_entropy": cross_entropy,
    "cross_entropy_backward": cross_entropy,
    "mse": mse,
    "mse_backward": mse,
    "to_device": lambda m: {"values": m.array(*shape_of_any(m))},
    "Conv2d": conv_layer,
    "Linear": linear_layer,
    "MaxPool2d": lambda m: pool_layer(m, average=False),
    "AvgPool2d": lambda m: pool_layer(m, average=True),
    "ReLU": lambda m: elementwise(m, ("x", "dy")),
    "LeakyReLU": lambda m: elementwise(m, ("x", "dy"), slope=m.of(*SLOPES)),
    "Tanh": lambda m: elementwise(m, ("x", "dy")),
    "Sigmoid": lambda m: elementwise(m, ("x", "dy")),
    "Softmax": lambda m: scores(m, ("x", "dy")),
    "Dropout": lambda m: elementwise(m, ("x", "dy"), p=m.of(0, 0.5), seed=m.of(0, 5)),
    "Flatten": lambda m: {"x": m.array(2, 3, 4), "dy": m.array(2, 12)},
    "CrossEntropyLoss": cross_entropy,
    "MSELoss": lambda m: {k: v for k, v in mse(m).items() if k != "reduction"},
    "SGD": lambda m: optimizer(m, lr=(0.1, 1, 0), momentum=(0.0, 0.9), weight_decay=(0.0, 0.01)),
    "Adam": lambda m: optimizer(
        m, lr=(1e-3, 1), beta1=(0.9, 0.0), beta2=(0.999, 0.5), eps=(1e-8, 1e-3), weight_decay=(0, 0.1)
    ),
    "Sequential": network,
    "fit": lambda m: training(m, epochs="1", batch_size=m.of(1, 4, 64), seed=m.of(0, 3), optimizer="None"),
    "evaluate": training,
    "gradcheck": gradcheck,
    "use": lambda m: {"which": m.of(0, "0")},
}


@st.composite
def calls(draw, operation):
    """(operation, arguments, valid): half of them right, half with something wild among the arguments."""
    args = MAKERS[operation](Maker(draw))
    if draw(st.booleans()):
        return operation, args, True
    for name in draw(st.lists(st.sampled_from(sorted(args)), min_size=1, max_size=2, unique=True)):
        args[name] = draw(wild_values)
    return operation, args, False

"""A network as an ONNX file: what onnxruntime makes of it is what cnnkit makes of it, layer by layer."""

import json
import sys

import numpy as np
import pytest
from closeness import assert_close
from hypothesis import given
from hypothesis import strategies as st
from reference_cases import conv_cases, images, pool_cases

import cnnkit
from cnnkit import (
    AvgPool2d,
    Conv2d,
    Dropout,
    Flatten,
    LeakyReLU,
    Linear,
    MaxPool2d,
    ReLU,
    Sequential,
    Sigmoid,
    Softmax,
    Tanh,
    export_onnx,
)
from cnnkit.errors import CnnkitError, DataError, ShapeError
from cnnkit.export import IR_VERSION, OPSET, TRANSLATIONS
from cnnkit.layers import Layer

REASON = "the extra 'onnx' is not installed: pip install onnx onnxruntime"
onnx = pytest.importorskip("onnx", reason=REASON)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("onnx")


def answered(model, folder, x, classes=()):
    """What onnxruntime answers to the batch `x`, from the file alone."""
    runtime = pytest.importorskip("onnxruntime", reason=REASON)
    path = folder / "network.onnx"
    export_onnx(model, path, x.shape[1:], classes)
    options = runtime.SessionOptions()
    options.log_severity_level = 3  # errors alone
    session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    (answer,) = session.run(None, {session.get_inputs()[0].name: x})
    return answer


def expect_the_same(layers, folder, x, length=1, seed=0):
    x = np.asarray(x, np.float32)
    model = Sequential(*layers, seed=seed)
    rng = np.random.default_rng(seed)
    for name, parameter in model.named_parameters().items():
        if name.endswith(".b"):  # which begin at 0: a forgotten bias would not show
            parameter.set(rng.standard_normal(parameter.shape).astype(np.float32))
    assert_close(answered(model, folder, x), model(x).get(), length, factor=3e-6)


@given(case=conv_cases(), bias=st.booleans(), seed=st.integers(0, 9))
def test_convolution(folder, case, bias, seed):
    x_shape, (k, c, *kernel), _ = case.shapes
    layer = Conv2d(c, k, tuple(kernel), case.stride, case.padding, case.dilation, bias=bias)
    expect_the_same([layer], folder, *images(seed, x_shape), length=c * kernel[0] * kernel[1], seed=seed)


@given(
    size=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    kernel=st.integers(1, 4),
    stride=st.integers(1, 3),
    padding=st.sampled_from(["same", "valid"]),
)
def test_convolution_with_padding_by_name(folder, size, kernel, stride, padding):
    if padding == "valid" and min(size) < kernel:
        size = (kernel, kernel + 1)
    x = images(1, (2, 2, *size))[0]
    expect_the_same([Conv2d(2, 3, kernel, stride, padding)], folder, x, length=2 * kernel**2)


@given(case=pool_cases(), average=st.booleans(), count_include_pad=st.booleans(), seed=st.integers(0, 9))
def test_pooling(folder, case, average, count_include_pad, seed):
    how = (case.kernel, case.stride, case.padding)
    layer = AvgPool2d(*how, count_include_pad=count_include_pad) if average else MaxPool2d(*how)
    x = images(seed, case.shape)[0] - 3  # mostly negative: padding with zeros would win
    expect_the_same([layer], folder, x, length=9)


@pytest.mark.parametrize("layer", [MaxPool2d(2), AvgPool2d((2, 3))], ids=str)
def test_pooling_whose_stride_is_its_window(folder, layer):
    expect_the_same([layer], folder, images(0, (2, 3, 6, 7))[0], length=6)


@given(inputs=st.integers(1, 9), outputs=st.integers(1, 9), bias=st.booleans(), images_in=st.integers(1, 5))
def test_dense_layer(folder, inputs, outputs, bias, images_in):
    x = images(3, (images_in, inputs))[0]
    expect_the_same([Linear(inputs, outputs, bias=bias)], folder, x, length=inputs)


POINTWISE = [ReLU(), LeakyReLU(), LeakyReLU(0.3), Tanh(), Sigmoid()]


@given(layer=st.sampled_from(POINTWISE), shape=st.sampled_from([(3, 5), (2, 3, 4, 5), (1, 1, 1, 1)]))
def test_activation(folder, layer, shape):
    expect_the_same([layer], folder, 3 * images(4, shape)[0])


@given(classes=st.integers(1, 12), scale=st.sampled_from([1, 30, 300]))
def test_softmax(folder, classes, scale):
    expect_the_same([Softmax()], folder, scale * images(5, (4, classes))[0])


@given(shape=st.tuples(*[st.integers(1, 4)] * 4))
def test_flatten(folder, shape):
    expect_the_same([Flatten()], folder, images(6, shape)[0])


def test_dropout_does_nothing(folder):
    x = images(7, (3, 40))[0]
    expect_the_same([Dropout(0.9)], folder, x)
    expect_the_same([Linear(40, 5), Dropout(0.9)], folder, x, length=40)


def test_a_network_of_no_layer(folder):
    expect_the_same([], folder, images(7, (3, 4))[0])


def test_every_layer_of_cnnkit_is_known():
    own = {kind for kind in vars(cnnkit).values() if isinstance(kind, type) and issubclass(kind, Layer)}
    assert own == set(TRANSLATIONS)


def whole(seed=0):
    return Sequential(
        *(Conv2d(1, 6, 3, padding="same"), LeakyReLU(0.1), MaxPool2d(2), Conv2d(6, 8, 3, stride=2)),
        *(Tanh(), AvgPool2d(3, 2, 1), Flatten(), Dropout(0.5), Linear(32, 10), Softmax()),
        seed=seed,
    )


@pytest.mark.parametrize("n", [1, 7])
def test_a_whole_network_on_any_batch(folder, n):
    x = images(8, (n, 1, 16, 14))[0]
    expect_the_same(whole().layers, folder, x, length=64)


def test_a_trained_network_reads_the_same_digits(folder):
    train, test = cnnkit.data.digits(test=0.2, seed=0)
    model = cnnkit.models.small_cnn((1, 8, 8), 10)
    cnnkit.fit(model, train, epochs=2, batch_size=32, progress=False)
    theirs = answered(model, folder, test.images)
    np.testing.assert_allclose(theirs, model.predict(test.images), rtol=1e-4, atol=1e-4)
    assert (theirs.argmax(1) == model.predict(test.images).argmax(1)).all()


def test_what_the_file_says(folder):
    path, names = folder / "about.onnx", [f"class {i}" for i in range(10)]
    export_onnx(whole(), path, (1, 16, 14), names)
    file = onnx.load(path)
    assert (file.opset_import[0].version, file.ir_version) == (OPSET, IR_VERSION)
    assert (file.producer_name, file.producer_version) == ("cnnkit", cnnkit.__version__)
    assert {p.key: json.loads(p.value) for p in file.metadata_props} == {"classes": names}
    assert [node.op_type for node in file.graph.node] == [
        "Conv", "LeakyRelu", "MaxPool", "Conv", "Tanh", "AveragePool", "Flatten", "Gemm", "Softmax",
    ]  # fmt: skip
    assert [node.name for node in file.graph.node][::8] == ["0.Conv2d", "9.Softmax"]
    assert [weights.name for weights in file.graph.initializer] == list(whole().named_parameters())
    (into,), (out,) = file.graph.input, file.graph.output
    sizes = [[d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim] for value in (into, out)]
    assert (into.name, out.name, sizes) == ("images", "probabilities", [["N", 1, 16, 14], ["N", 10]])


def test_without_names_of_classes_there_are_none(folder):
    export_onnx(Sequential(Linear(3, 2)), folder / "plain.onnx", (3,))
    file = onnx.load(folder / "plain.onnx")
    assert not file.metadata_props and file.graph.output[0].name == "scores"


def test_the_same_network_gives_the_same_file(folder):
    for name in "ab":
        export_onnx(whole(), folder / name, (1, 16, 14))
    assert (folder / "a").read_bytes() == (folder / "b").read_bytes()


def test_what_does_not_fit_is_told(folder):
    path = folder / "wrong.onnx"
    with pytest.raises(ShapeError, match="layer 0"):
        export_onnx(whole(), path, (3, 16, 14))
    with pytest.raises(ShapeError, match=r"3 names of classes.*\(10,\)"):
        export_onnx(whole(), path, (1, 16, 14), ["a", "b", "c"])
    with pytest.raises(ShapeError, match="one word"):
        export_onnx(whole(), path, (1, 16, 14), "0123456789")
    with pytest.raises(DataError, match="could not be written"):
        export_onnx(whole(), folder / "nowhere" / "wrong.onnx", (1, 16, 14))
    assert not path.exists()


def test_a_layer_of_ones_own_is_told(folder):
    class Doubling(ReLU):
        pass

    with pytest.raises(CnnkitError, match=r"Layer 1, Doubling\(\), has no translation into ONNX.*Conv2d"):
        export_onnx(Sequential(ReLU(), Doubling()), folder / "own.onnx", (3,))


def test_without_the_package_the_command_is_told(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(CnnkitError, match="pip install onnx"):
        export_onnx(whole(), folder / "none.onnx", (1, 16, 14))

"""Plain Python functions: explained like the network that they compute, and refused in one line where they err."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper

import videxplain as vx
from tests.attribution.networks import BrightSquares
from tests.attribution.quick import QUICK
from tests.explanation.clips import planted
from videxplain.attribution.registry import METHODS
from videxplain.errors import VidexplainError

ONLY_CALLING = [name for name in METHODS if METHODS[name].only_calls]
SETTINGS = {"num_frames": 8, "size": 32, "output": "logits"}


def network():
    """BrightSquares on colours normalised with ImageNet's mean and deviation."""
    model = BrightSquares(8, 32, "consecutive")
    return model


def scores_of(clips):
    """What BrightSquares says of frames ``(n, T, H, W, 3)``, computed in the function's own way."""
    x = torch.from_numpy(np.ascontiguousarray(clips)).permute(0, 4, 1, 2, 3).float() / 255
    with torch.no_grad():
        return network()(x).numpy()


def one(frames):
    assert frames.shape == (8, 32, 32, 3)
    assert frames.dtype == np.uint8
    return scores_of(frames[None])[0]


def test_these_methods_explain_a_function():
    assert set(ONLY_CALLING) >= {"lime", "kernel-shap", "rise", "occlusion", "frame-occlusion"}
    assert not {"extremal-perturbation", "temporal-mask", "scorecam", "saliency"} & set(ONLY_CALLING)


class Same(torch.nn.Module):
    """The network of :func:`one`, on normalised clips rounded as the function gets them."""

    def __init__(self, config):
        super().__init__()
        self.net, self.config = network(), config

    def forward(self, x):
        mean, std = (torch.tensor(v).view(3, 1, 1, 1) for v in (self.config.mean, self.config.std))
        return self.net((255 * (x * std + mean)).round().clamp(0, 255) / 255)


@pytest.mark.parametrize("batch", [1, 3, 64])
@pytest.mark.parametrize("method", ONLY_CALLING)
def test_the_maps_are_those_of_the_network_that_it_computes(method, batch):
    sizes = []

    def many(clips):
        sizes.append(len(clips))
        return scores_of(clips)

    model = vx.wrap_function(one if batch == 1 else many, batch=batch, **SETTINGS)
    options = {"box": (4, 16, 16)} if method == "occlusion" else QUICK.get(method, {})
    found = vx.explain(model, planted(16, 6, 9), method, target=1, **options)
    expected = vx.explain(Same(model.config), planted(16, 6, 9), method, target=1, **options)
    largest = max(float(np.abs(values).max()) for values in expected.maps)
    assert largest > 0
    for a, b in zip(found.maps, expected.maps, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-4 * largest)
    assert [label for label, _ in found.predictions] == [label for label, _ in expected.predictions]
    assert found.origin.model == ("one" if batch == 1 else "many")
    assert all(size <= batch for size in sizes)


@pytest.mark.parametrize("method", [name for name in METHODS if name not in ONLY_CALLING])
def test_other_methods_name_those_that_work(method):
    model = vx.wrap_function(one, **SETTINGS)
    with pytest.raises(VidexplainError) as refusal:
        vx.explain(model, planted(16, 6, 9), method)
    said = str(refusal.value)
    assert said.startswith(f"{method} needs the layers or gradients of a network, and this is a plain function: take ")
    for name in ONLY_CALLING:
        assert name in said
    assert "\n" not in said


def test_a_function_gets_the_pixels_of_the_clip():
    """Frames of the size that it takes arrive as they are, with no rounding."""
    seen = []
    frames = np.random.default_rng(0).integers(0, 256, (8, 32, 32, 3), np.uint8)
    model = vx.wrap_function(lambda clip: seen.append(clip) or [0.0, 1.0], **SETTINGS)
    seen.clear()
    vx.predict(model, vx.Clip(frames))
    np.testing.assert_array_equal(seen[0], frames)


@pytest.mark.parametrize(
    ("function", "kind", "classes"),
    [
        (lambda frames: float(frames[0, 0, 0, 0]) / 64 - 2, "binary", 1),
        (lambda frames: float(frames[0, 0, 0, 0]) / 255, "probabilities", 1),
        (lambda frames: [0.2, 0.8], "probabilities", 2),
        (lambda frames: np.array([3, -2, 7]), "logits", 3),
        (lambda frames: torch.tensor([[1.0, 2.0, -4.0]]), "logits", 3),
    ],
)
@pytest.mark.filterwarnings("ignore::videxplain.models.assumption.AssumptionWarning")
def test_what_it_may_return(function, kind, classes):
    config = vx.wrap_function(function, num_frames=4, size=8).config
    assert (config.output, config.num_classes) == (kind, classes)


def raising(frames):
    raise ConnectionError("no route\nto host")


@pytest.mark.parametrize(
    ("function", "arguments", "said"),
    [
        (raising, {}, "raising raised ConnectionError: no route to host"),
        (lambda frames: 1 / 0, {"name": "mine"}, "mine raised ZeroDivisionError: division by zero"),
        (lambda frames: "walk", {"name": "mine"}, "mine must return numbers, and it returned str"),
        (lambda frames: {"walk": 1}, {"name": "mine"}, "mine must return numbers, and it returned dict"),
        (lambda frames: None, {"name": "mine"}, "mine must return numbers, and it returned NoneType"),
        (lambda frames: [0, float("nan")], {"name": "mine"}, "mine returned NaN or infinite scores"),
        (
            lambda frames: np.zeros((2, 3)),
            {"name": "mine"},
            "mine must return one row of scores, and it returned an array of shape (2, 3)",
        ),
        (
            lambda clips: [1.0, 2.0, 3.0],
            {"name": "mine", "batch": 4},
            "mine must return 1 rows of scores, one for each clip, and it returned an array of shape (3,)",
        ),
        (
            lambda frames: [],
            {"name": "mine"},
            "mine must return one row of scores, and it returned an array of shape (0,)",
        ),
        ("model.onnx", {}, "wrap_function takes a function, not str"),
        (
            torch.nn.ReLU(),
            {},
            "wrap_function takes a plain function; for an nn.Module use vx.wrap, which shows its layers",
        ),
        (one, {"batch": 0}, "num_frames, size, frame_interval and batch must be above zero"),
        (one, {"sampling": "random"}, "unknown sampling 'random'; known: consecutive, uniform"),
        (one, {"labels": ("a", "b")}, "2 labels for 3 classes"),
        (one, {"labels": "abc"}, "labels is a list of names, not the text 'abc'"),
        (one, {"size": "32"}, "size is a height and a width in pixels, or one number for both, not '32'"),
        (
            one,
            {"size": (32, 32, 3)},
            "size is a height and a width in pixels, or one number for both, not '(32, 32, 3)'",
        ),
        (one, {"num_frames": 8.5}, "num_frames is a whole number, not '8.5'"),
        (one, {"batch": None}, "batch is a whole number, not 'None'"),
        (
            lambda frames: np.array([1j, 2]),
            {"name": "mine"},
            "mine must return real numbers, and it returned complex ones",
        ),
    ],
)
def test_what_is_wrong_is_one_line(function, arguments, said):
    with pytest.raises(VidexplainError) as refusal:
        vx.wrap_function(function, **{**SETTINGS, **arguments})
    assert str(refusal.value) == said


def test_an_error_in_the_middle_is_one_line_and_keeps_its_cause():
    calls = []

    def failing(frames):
        calls.append(1)
        if len(calls) > 20:
            raise TimeoutError("the service is busy")
        return one(frames)

    model = vx.wrap_function(failing, **SETTINGS)
    with pytest.raises(VidexplainError, match=r"^failing raised TimeoutError: the service is busy$") as refusal:
        vx.explain(model, planted(16, 6, 9), "rise", samples=100)
    assert isinstance(refusal.value.__cause__, TimeoutError)


def test_other_numbers_of_scores_are_refused():
    lengths = iter([3, 3, 2, 2])
    model = vx.wrap_function(lambda frames: [0.0] * next(lengths), name="mine", **SETTINGS)
    with pytest.raises(VidexplainError, match="mine returned different numbers of scores"):
        model(torch.zeros(2, 3, 8, 32, 32))


def test_a_later_call_with_other_numbers_of_scores_is_refused():
    lengths = iter([3, 3, 4])
    model = vx.wrap_function(lambda frames: [0.0] * next(lengths), name="mine", **SETTINGS)
    model(torch.zeros(1, 3, 8, 32, 32))
    with pytest.raises(VidexplainError, match="mine returned different numbers of scores"):
        model(torch.zeros(1, 3, 8, 32, 32))


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("method", ["frame-occlusion", "lime"])
def test_a_function_may_return_the_same_memory_every_time(method, kind):
    """As inference engines do that write into memory bound before."""
    memory = np.zeros(3, kind)

    def filled(frames):
        memory[:] = one(frames)
        return memory

    options = {"target": 1, **QUICK.get(method, {})}
    found = vx.explain(vx.wrap_function(filled, **SETTINGS), planted(16, 6, 9), method, **options)
    expected = vx.explain(vx.wrap_function(one, **SETTINGS), planted(16, 6, 9), method, **options)
    assert max(float(np.abs(values).max()) for values in expected.maps) > 0
    for a, b in zip(found.maps, expected.maps, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_function_has_no_weights_to_save(tmp_path):
    with pytest.raises(VidexplainError, match="the model is a plain function, so it has no weights to save"):
        vx.save_model(vx.wrap_function(one, **SETTINGS), tmp_path / "a.safetensors")
    assert not list(tmp_path.iterdir())


def onnx_file(path):
    """A file of ONNX with the same network: float video ``(n, T, H, W, 3)`` to ``(n, 3)``."""
    net = network()
    weight, bias = net.conv.weight.detach().numpy(), net.conv.bias.detach().numpy()
    constants = {"w": weight, "b": bias, "fw": net.fc.weight.detach().numpy(), "fb": net.fc.bias.detach().numpy()}
    nodes = [
        helper.make_node("Transpose", ["x"], ["video"], perm=[0, 4, 1, 2, 3]),
        helper.make_node(
            "Conv", ["video", "w", "b"], ["conv"], kernel_shape=list(weight.shape[2:]), pads=[0, 1, 1] * 2
        ),
        helper.make_node("Relu", ["conv"], ["relu"]),
        helper.make_node("GlobalAveragePool", ["relu"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["flat"]),
        helper.make_node("Gemm", ["flat", "fw", "fb"], ["y"], transB=1),
    ]
    graph = helper.make_graph(
        nodes,
        "bright squares",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 8, 32, 32, 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 3])],
        [onnx.numpy_helper.from_array(values, name) for name, values in constants.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    return path


@pytest.mark.parametrize("method", ["lime", "kernel-shap"])
def test_a_model_in_onnx_is_explained(method, tmp_path):
    session = onnxruntime.InferenceSession(str(onnx_file(tmp_path / "a.onnx")), providers=["CPUExecutionProvider"])

    def scores(clips):
        return session.run(None, {"x": clips.astype(np.float32) / 255})[0]

    model = vx.wrap_function(scores, batch=8, **SETTINGS)
    options = {"target": 1, "supervoxels": "boxes", "count": 32, "samples": 200}
    found = vx.explain(model, planted(16, 6, 9), method, **options)
    expected = vx.explain(Same(model.config), planted(16, 6, 9), method, **options)
    for a, b in zip(found.maps, expected.maps, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-3)
    assert found.temporal[6:10].mean() > 4 * np.abs(np.delete(found.temporal, range(4, 12))).mean()

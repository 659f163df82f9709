"""After any call, also one that raised, the network and torch are as they were."""

from contextlib import nullcontext

import pytest
import torch
from torch import nn

from tests.attribution.left_behind import (
    CONTEXTS,
    Fragile,
    failing_in_backward,
    failing_score,
    in_use,
    state,
)
from tests.attribution.networks import Small3D, seeded, video
from tests.device import same
from videxplain.attribution import engine
from videxplain.attribution.api import attribute
from videxplain.attribution.layers import LayerCall
from videxplain.errors import VidexplainError

CASES = {
    "success": ({}, None),
    "several targets": ({"targets": [0, 1, None]}, None),
    "bf16": ({"precision": "bf16"}, None),
    "bad target": ({"target": 5}, VidexplainError),
    "bad label": ({"target": "archery"}, VidexplainError),
    "bad precision": ({"precision": "fp8"}, VidexplainError),
    "bad layer": ({"layer": "conv9"}, VidexplainError),
    "layer without extent": ({"layer": "fc"}, VidexplainError),
    "layer with a tuple": ({"layer": "lstm"}, VidexplainError),
    "score that raises": ({"target": failing_score}, ZeroDivisionError),
    "score that raises in the backward pass": ({"target": failing_in_backward}, ZeroDivisionError),
    "score of the wrong shape": ({"target": lambda logits: logits}, VidexplainError),
    "module that raises": ({}, VidexplainError),
}


@pytest.mark.parametrize("context", CONTEXTS)
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("method", ["gradcam", "guided-backprop", "activations"])
def test_nothing_is_left_behind(method, case, context):
    arguments, error = CASES[case]
    if method == "activations" and "target" in arguments:
        error = None  # no score is asked for
    module = in_use()
    module.trouble.raises = case == "module that raises"
    x = video(1, 3, 4, 6, 6)
    with CONTEXTS[context]():
        before = state(module)
        with pytest.raises(error) if error else nullcontext():
            maps = attribute(module, x, method=method, **arguments)
            assert not maps.requires_grad
        assert state(module) == before
    assert torch.is_grad_enabled()


def test_evidence_that_the_state_above_notices():
    module = in_use()
    before = state(module)
    with engine.trace(module, video(1, 3, 4, 6, 6), [LayerCall("conv2")]):
        changed = {key for key, value in state(module).items() if value != before[key]}
    assert changed == {"hooks", "training", "requires_grad", "random"}


@pytest.mark.parametrize("method", ["gradcam", "guided-backprop", "activations"])
@pytest.mark.parametrize("context", ["no_grad", "inference_mode"])
def test_the_callers_grad_mode_does_not_matter(method, context):
    module, x = seeded(Fragile), video(2, 3, 4, 6, 6)
    expected = attribute(module, x, method=method, target=0)
    assert expected.abs().max() > 0
    with CONTEXTS[context]():
        inside = x.clone()  # in inference mode an inference tensor
        assert same(attribute(module, inside, method=method, target=0), expected)


def test_training_flags_do_not_matter():
    module, x = seeded(Fragile), video(2, 3, 4, 6, 6)
    expected = attribute(module, x, method="gradcam", layer="conv2", target=1)
    assert expected.max() > 0
    assert same(attribute(module.train(), x, method="gradcam", layer="conv2", target=1), expected)


def test_the_input_keeps_its_gradient_flags():
    x = video(1, 3, 4, 6, 6).requires_grad_()
    for method in ("gradcam", "guided-backprop", "activations"):
        attribute(seeded(Small3D), x, method=method)
    assert x.requires_grad
    assert x.grad is None


class Somewhere:
    """Stands for a tensor on a device."""

    def __init__(self, is_cuda):
        self.is_cuda = is_cuda


class Recurrent(nn.Module):
    """Notes whether a backend is on in each part."""

    def __init__(self, backend):
        super().__init__()
        self.before, self.after = nn.Linear(3, 3), nn.Linear(3, 3)
        self.lstm, self.gru = nn.LSTM(3, 3), nn.GRU(3, 3)
        self.backend, self.seen = backend, {}
        for name, m in self.named_children():
            forward = m.forward
            m.forward = lambda *args, name=name, forward=forward: self.note(name) or forward(*args)

    def note(self, name):
        self.seen[name] = self.backend.enabled

    def forward(self, x):
        return self.after(self.gru(self.lstm(self.before(x))[0])[0])


BACKENDS = {"cudnn on a GPU": (torch.backends.cudnn, True), "oneDNN on the CPU": (torch.backends.mkldnn, False)}


@pytest.mark.parametrize("enabled", [True, False])
@pytest.mark.parametrize(("backend", "is_cuda"), BACKENDS.values(), ids=list(BACKENDS))
def test_the_backend_is_off_inside_recurrent_layers_alone(backend, is_cuda, enabled, monkeypatch):
    monkeypatch.setattr(backend, "enabled", enabled)
    module = Recurrent(backend)
    with engine.differentiable_recurrence(module, is_cuda):
        module(torch.zeros(2, 1, 3))
        assert backend.enabled is enabled
    assert module.seen == {"before": enabled, "lstm": False, "gru": False, "after": enabled}
    assert not module.lstm._forward_hooks
    assert not module.lstm._forward_pre_hooks


@pytest.mark.parametrize(("backend", "is_cuda"), BACKENDS.values(), ids=list(BACKENDS))
def test_the_backend_is_back_on_when_a_recurrent_layer_raises(backend, is_cuda, monkeypatch):
    monkeypatch.setattr(backend, "enabled", True)
    module = Recurrent(backend)
    with pytest.raises(RuntimeError), engine.differentiable_recurrence(module, is_cuda):
        module.lstm(torch.zeros(2, 1, 4))
    assert backend.enabled is True
    assert not module.lstm._forward_hooks
    assert not module.lstm._forward_pre_hooks


def test_the_other_device_keeps_its_backend():
    module = Recurrent(torch.backends.cudnn)
    with engine.differentiable_recurrence(module, is_cuda=False):
        module(torch.zeros(2, 1, 3))
    assert set(module.seen.values()) == {torch.backends.cudnn.enabled}

"""A network in use is in evaluation mode, and afterwards it is as it was."""

import threading

import torch
from torch import nn

from videxplain.untouched import begin_pass, untouched


class Counter(nn.Module):
    """Adds how many passes it remembers, and drops out in training."""

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.drop = nn.Linear(3, 3), nn.Dropout(0.5)
        self.register_buffer("passes", torch.zeros(()))

    def forward(self, x):
        self.passes += 1
        return self.drop(self.fc(x)) + self.passes


def test_a_network_in_training_is_used_in_evaluation_and_trains_on():
    model, x = Counter().train(), torch.ones(2, 3)
    model.drop.eval()
    expected = model.fc(x) + 1
    with untouched(model):
        assert not any(p.requires_grad for p in model.parameters())
        for _ in range(3):
            begin_pass(model)
            assert torch.equal(model(x), expected)
    assert (model.training, model.fc.training, model.drop.training) == (True, True, False)
    assert all(p.requires_grad for p in model.parameters())
    assert model.passes == 0


def test_what_its_owner_changes_between_two_uses_inside_is_seen_and_kept():
    model, x = Counter().eval(), torch.ones(64, 3)
    expected = model.fc(x) + 1
    with untouched(model):
        model.train()
        model.fc.weight.requires_grad_(True)
        with untouched(model):
            assert not model.drop.training
            assert not model.fc.weight.requires_grad
            assert torch.equal(model(x), expected)
        assert model.passes == 0
        assert model.drop.training
        assert model.fc.weight.requires_grad
    assert not model.training
    assert model.fc.bias.requires_grad


def test_another_thread_waits_for_the_network():
    model, x, order = Counter(), torch.ones(1, 3), []

    def use():
        with untouched(model):
            model(x)
            order.append("second")

    with untouched(model):
        thread = threading.Thread(target=use)
        thread.start()
        thread.join(0.2)
        with untouched(model):
            order.append("first")
    thread.join()
    assert order == ["first", "second"]
    assert model.passes == 0

import copy

import pytest
import torch
from torch import nn

from videxplain.errors import VidexplainError
from videxplain.models.zoo import load_model
from videxplain.train.two_heads import Heads, ManyHeads, classifier_name

TINY = {
    "late_fusion": ({"depth": 18, "width": 4, "size": 32}, "fc"),
    "lrcn": ({"depth": 18, "width": 4, "size": 32, "latent": 8, "hidden": 8}, "fc"),
    "c3d": ({"width": 4, "size": 32}, "fc8"),
    "i3d": ({"depth": 18, "width": 4, "size": 32}, "fc"),
    "i3d_inception": ({"width": 8, "size": 32}, "logits.conv3d"),
    "non_local": ({"depth": 18, "width": 4, "size": 32}, "fc"),
}


def made(name):
    network = load_model(name, "none", num_classes=6, **TINY[name][0])
    config = network.config
    x = torch.randn(2, 3, config.num_frames, *config.size, generator=torch.Generator().manual_seed(0))
    return network, x


@pytest.mark.parametrize("name", TINY)
def test_every_architecture_takes_two_classifiers(name):
    network, x = made(name)
    before = copy.deepcopy(network)
    config = network.config
    heads = ManyHeads(network, [config, config.replace(num_classes=9)])
    with torch.no_grad():
        assert torch.equal(heads(x, 0), before(x))
        assert heads(x, 1).shape == (2, 9)


@pytest.mark.parametrize("name", TINY)
def test_a_dataset_gets_a_network_of_the_zoo_with_its_classifier_alone(name):
    network, x = made(name)
    before = copy.deepcopy(network)
    labels = tuple("abcdefghi")
    heads = ManyHeads(network, [network.config, network.config.replace(num_classes=9, labels=labels)])
    for which, classes in ((0, 6), (1, 9)):
        single = heads.single(which)
        assert single.config.num_classes == classes
        assert list(single.state_dict()) == list(before.state_dict())
        assert not any(isinstance(part, Heads) for part in single.modules())
        with torch.no_grad():
            assert torch.equal(single(x), heads(x, which))
    assert single.config.labels == labels


@pytest.mark.parametrize("name", TINY)
def test_a_classifier_learns_from_its_own_dataset_alone(name):
    network, x = made(name)
    heads = ManyHeads(network, [network.config, network.config.replace(num_classes=9)])
    heads(x, 1).sum().backward()
    assert isinstance(heads.classifiers, Heads)
    first, second = heads.classifiers.each
    assert first.weight.grad is None
    assert second.weight.grad.abs().sum() > 0
    shared = next(part for part in network.modules() if isinstance(part, nn.Conv2d | nn.Conv3d))
    assert shared.weight.grad is not None


def test_one_dataset_leaves_the_network_as_it_is():
    network, x = made("i3d")
    heads = ManyHeads(network, [network.config])
    assert not any(isinstance(part, Heads) for part in heads.modules())
    assert classifier_name(network) == "fc"
    with pytest.raises(IndexError):
        heads(x, 1)


@pytest.mark.parametrize("name", ["c3d", "i3d_inception"])
def test_the_second_classifier_follows_from_the_seed(name):
    weights = []
    for seed in (0, 0, 1):
        network, _ = made(name)
        heads = ManyHeads(network, [network.config, network.config.replace(num_classes=9)], seed=seed)
        weights.append(heads.classifiers.each[1].weight)
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_a_network_without_classifier_is_refused():
    with pytest.raises(VidexplainError, match="Sequential has no classifier"):
        classifier_name(nn.Sequential(nn.ReLU()))

import pytest
import torch
from torch import nn

from videxplain.models.zoo import load_model
from videxplain.train.module import Classifier, frozen_parts, top_k_right, video_means
from videxplain.train.two_heads import ManyHeads

TINY = {"width": 4, "size": 32, "num_classes": 3}


def test_clips_of_a_video_are_averaged():
    videos = torch.tensor([4, 0, 4, 7])
    labels = torch.tensor([2, 1, 2, 0])
    probabilities = torch.tensor([[0.5, 0.5, 0.0], [0.2, 0.3, 0.5], [0.1, 0.3, 0.6], [1.0, 0.0, 0.0]])
    merged, means = video_means(videos, labels, probabilities)
    assert merged.tolist() == [1, 2, 0]
    torch.testing.assert_close(means, torch.tensor([[0.2, 0.3, 0.5], [0.3, 0.4, 0.3], [1.0, 0.0, 0.0]]))


def test_the_best_and_the_best_five():
    scores = torch.tensor([[6.0, 5, 4, 3, 2, 1], [6.0, 5, 4, 3, 2, 1], [6.0, 5, 4, 3, 2, 1]])
    assert top_k_right(torch.tensor([0, 4, 5]), scores).tolist() == [[1, 1], [0, 1], [0, 0]]
    assert top_k_right(torch.tensor([1]), torch.tensor([[3.0, 2.0]])).tolist() == [[0, 1]]


@pytest.mark.parametrize(
    ("model", "learned"),
    [
        ("late_fusion", {"fc"}),
        ("lrcn", {"latent.fc", "lstm", "fc"}),
        ("c3d", {"fc8"}),
        ("i3d", {"fc"}),
        ("non_local", {"fc"}),
    ],
)
@pytest.mark.parametrize("datasets", [1, 2])
def test_freezing_leaves_what_the_report_learned(model, learned, datasets):
    options = TINY | ({} if model == "c3d" else {"depth": 18})
    network = load_model(model, "none", **options)
    module = Classifier(
        ManyHeads(network, [network.config] * datasets), ["a", "b"][:datasets], lr=1, gamma=1, freeze_trunk=True
    )
    module.train()
    names = {name.removeprefix("heads.network.") for name, p in module.named_parameters() if p.requires_grad}
    found = {name.rpartition(".")[0].split(".each.")[0] for name in names}
    assert found == learned
    norms = [part for part in module.modules() if isinstance(part, nn.BatchNorm2d | nn.BatchNorm3d)]
    assert not any(part.training for part in norms)
    assert any(isinstance(part, nn.Dropout) and part.training for part in module.modules())
    (adam,), _ = module.configure_optimizers()
    assert len(adam.param_groups[0]["params"]) == len(names)


def test_nothing_is_frozen_unless_asked():
    network = load_model("i3d", "none", depth=18, **TINY)
    module = Classifier(ManyHeads(network, [network.config]), ["a"], lr=1, gamma=1).train()
    assert all(p.requires_grad for p in module.parameters())
    assert all(part.training for part in module.modules())
    assert module.frozen == []
    assert frozen_parts(module.heads)


def test_the_learning_rate_shrinks_by_a_factor_an_epoch():
    network = load_model("i3d", "none", depth=18, **TINY)
    module = Classifier(ManyHeads(network, [network.config]), ["a"], lr=0.2, gamma=0.5, weight_decay=0.01)
    (adam,), (scheduler,) = module.configure_optimizers()
    rates = []
    for _ in range(3):
        rates.append(adam.param_groups[0]["lr"])
        adam.step()
        scheduler.step()
    assert isinstance(adam, torch.optim.Adam)
    assert rates == pytest.approx([0.2, 0.1, 0.05])
    assert adam.param_groups[0]["weight_decay"] == 0.01


@pytest.mark.parametrize(("model", "layout"), [("i3d", "3d"), ("lrcn", "2d"), ("c3d", "3d"), ("late_fusion", "2d")])
def test_convolutions_lie_channels_last_and_answer_as_before(model, layout):
    options = TINY | ({} if model == "c3d" else {"depth": 18})
    network = load_model(model, "none", **options)
    x = torch.randn(2, 3, network.config.num_frames, 32, 32)
    with torch.no_grad():
        before = network(x)
        module = Classifier(ManyHeads(network, [network.config]), ["a"], lr=1, gamma=1).eval()
        torch.testing.assert_close(module(x), before, atol=1e-4, rtol=1e-4)
    kind, order = (nn.Conv3d, torch.channels_last_3d) if layout == "3d" else (nn.Conv2d, torch.channels_last)
    convolutions = [part for part in network.modules() if isinstance(part, kind)]
    assert convolutions
    assert all(part.weight.is_contiguous(memory_format=order) for part in convolutions)

"""What is known of a network is known for as long as it stays as it was."""

import copy
from functools import partial
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import videxplain as vx
from videxplain.exclusive import alone
from videxplain.models.config import TokenLayout
from videxplain.network_answers import NetworkAnswers, look_now

pytestmark = pytest.mark.filterwarnings("ignore::videxplain.attribution.api.MapWarning")


class Net(nn.Module):
    """A network of clips that may do several things with its input first."""

    flips = False
    turned = "no"

    def __init__(self, moved=lambda x: x) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.relu, self.fc = nn.Conv3d(3, 4, 3, padding=1), nn.ReLU(), nn.Linear(4 * 32, 3)
        self.moved, self.options = moved, {"axes": [2, 3]}
        self.settings = SimpleNamespace(view=SimpleNamespace(flip=False))
        self.shift = torch.zeros(3)
        self.hidden = [nn.Linear(2, 2)]
        self.register_buffer("large", torch.zeros(20_000))

    def forward(self, x: Tensor) -> Tensor:
        if self.flips:
            x = x.flip(2)
        if self.turned != "no":
            x = x.transpose(3, 4)
        features = self.relu(self.conv(self.moved(x)))
        return self.fc(F.adaptive_avg_pool3d(features, (2, 4, 4)).flatten(1))


def clip() -> Tensor:
    return torch.randn(1, 3, 8, 16, 16, generator=torch.Generator().manual_seed(1))


def moved_by(step: int):
    return lambda x: x.roll(step, 2)


def _by_data(net: Net) -> None:
    net.conv.weight.data[0, 0, 0, 0, 0] += 1e-3


def _exchanged_in_place(net: Net) -> None:
    net.conv.weight.data.copy_(net.conv.weight.data.flip(-1))


CHANGES = {
    "another module": lambda net: setattr(net, "relu", nn.GELU()),
    "a stride": lambda net: setattr(net.conv, "stride", (2, 1, 1)),
    "weights": lambda net: nn.init.ones_(net.conv.weight),
    "one weight past the count of changes": _by_data,
    "the order of weights": _exchanged_in_place,
    "the type of weights": lambda net: net.double(),
    "one value of a large buffer": lambda net: net.large[12_345:12_346].add_(1e-3),
    "a large buffer past the count of changes": lambda net: net.large.data.add_(1e-3),
    "an attribute": lambda net: setattr(net, "flips", True),
    "a list in a dictionary": lambda net: net.options["axes"].append(4),
    "a setting in settings": lambda net: setattr(net.settings.view, "flip", True),
    "a tensor that is an attribute": lambda net: net.shift.add_(1),
    "a module in a list": lambda net: nn.init.zeros_(net.hidden[0].weight),
    "a function": lambda net: setattr(net, "moved", lambda x: x.flip(2)),
    "what a function closes over": lambda net: setattr(net, "moved", moved_by(3)),
    "what a function is called with": lambda net: setattr(net, "moved", partial(torch.roll, shifts=1, dims=3)),
    "forward": lambda net: setattr(net, "forward", lambda x: Net.forward(net, x.flip(2))),
    "a hook": lambda net: net.conv.register_forward_pre_hook(lambda _, inputs: (inputs[0].flip(2),)),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_was_measured_is_forgotten_when_a_network_is_changed(change):
    net, known = Net(moved_by(1)), NetworkAnswers[str]()
    for again in ("measured", "not measured"):
        assert known.ask(net, ("question",), lambda again=again: again) == "measured"
    change(net)
    assert known.ask(net, ("question",), lambda: "anew") == "anew"
    assert known.ask(net, ("question",), lambda: "not measured") == "anew"


def test_what_is_a_class_of_its_own_counts_too(monkeypatch):
    net, known = Net(), NetworkAnswers[str]()
    assert known.ask(net, (), lambda: "measured") == "measured"
    monkeypatch.setattr(Net, "turned", "yes")
    assert known.ask(net, (), lambda: "anew") == "anew"
    monkeypatch.setattr(Net, "forward", lambda self, x: x.mean((2, 3, 4)))
    assert known.ask(net, (), lambda: "once more") == "once more"


def test_flags_and_equal_parts_and_marks_of_our_own_passes_change_nothing():
    net, known = Net(moved_by(0)), NetworkAnswers[str]()
    known.ask(net, (), lambda: "measured")
    net.train()
    net.requires_grad_(False)
    net.conv = copy.deepcopy(net.conv)
    net.moved = moved_by(0)
    vx.attribute(net.eval(), clip(), method="gradcam", layer="conv")
    assert known.ask(net, (), lambda: "anew") == "measured"


def test_a_network_that_counts_its_passes_stays_known():
    class Counts(Net):
        passes, of_all = 0, 0

        def forward(self, x: Tensor) -> Tensor:
            self.passes += 1
            self.last = x.shape
            Counts.of_all += 1
            return super().forward(x)

    net, known = Counts().eval(), NetworkAnswers[str]()
    known.ask(net, (), lambda: "measured")
    vx.attribute(net, clip(), method="gradcam", layer="conv")
    first = net.passes
    for _ in range(3):
        vx.attribute(net, clip(), method="gradcam", layer="conv")
        net(clip())
    assert net.passes == first + 6
    assert known.ask(net, (), lambda: "anew") == "measured"
    net.turned = "yes"
    assert known.ask(net, (), lambda: "once more") == "once more"


def test_a_hook_that_remembers_hides_no_other_hook():
    net, known, seen = Net().eval(), NetworkAnswers[str](), []
    net.register_forward_hook(lambda *_: seen.append(1))
    known.ask(net, (), lambda: "measured")
    vx.attribute(net, clip(), method="gradcam", layer="conv")
    net(clip())
    assert known.ask(net, (), lambda: "anew") == "measured"
    net.register_forward_pre_hook(lambda _, inputs: (inputs[0].flip(2),))
    assert known.ask(net, (), lambda: "anew") == "anew"
    with pytest.raises(vx.VidexplainError, match="do not follow the clip along the time"):
        vx.attribute(net, clip(), method="gradcam", layer="conv")


def test_what_is_changed_while_a_network_is_captured_is_seen():
    net = Net().eval()
    with vx.capture(net, ["conv"]) as seen:
        net(clip())
        assert seen["conv"].activations.shape == (1, 4, 8, 16, 16)
        net.flips = True
        net(clip())
        with pytest.raises(vx.VidexplainError, match="do not follow the clip along the time"):
            seen["conv"].activations  # noqa: B018
        net.flips = False
    vx.attribute(net, clip(), method="gradcam", layer="conv")
    net.flips = True
    with pytest.raises(vx.VidexplainError, match="do not follow the clip along the time"):
        vx.attribute(net, clip(), method="gradcam", layer="conv")


def test_a_network_that_is_changed_for_a_while_stays_known():
    net, known = Net(), NetworkAnswers[str]()
    with alone(net):
        look_now(net)
        kept = net.conv.weight.detach().clone()
        nn.init.zeros_(net.conv.weight)
        assert known.ask(net, (), lambda: "measured") == "measured"
        net.conv.weight.data = kept
    assert known.ask(net, (), lambda: "anew") == "measured"


def test_values_that_are_not_equal_to_themselves_stay_known():
    net, known = Net(), NetworkAnswers[str]()
    net.scale, net.part = float("nan"), slice(1, None)
    net.shift.fill_(float("nan"))
    net.itself = net.options["itself"] = net.options
    assert [known.ask(net, (), lambda: "measured") for _ in range(2)] == ["measured"] * 2
    assert known.ask(net, (), lambda: "anew") == "measured"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda net: setattr(net, "flips", True), "do not follow the clip along the time"),
        (lambda net: setattr(net, "turned", "yes"), "height lies along its axis 4"),
        (lambda net: setattr(net, "moved", lambda x: x[:, :, :4]), "does not see the last frames"),
        (lambda net: setattr(net, "conv", nn.Sequential(nn.ZeroPad3d((0, 20, 0, 0, 0, 0)), net.conv)), "has a margin"),
        (lambda net: net.conv.register_forward_pre_hook(lambda _, x: (x[0].flip(-1),)), "along the width"),
    ],
)
def test_a_network_that_moves_its_input_from_now_on_is_refused(change, said):
    net = Net().eval()
    assert vx.attribute(net, clip(), method="gradcam", layer="conv").shape == (1, 8, 16, 16)
    change(net)
    with pytest.raises(vx.VidexplainError, match=said):
        vx.attribute(net, clip(), method="gradcam", layer="conv")


def test_a_network_is_explained_once_it_no_longer_moves_its_input():
    net = Net(lambda x: x.flip(2)).eval()
    with pytest.raises(vx.VidexplainError, match="do not follow the clip along the time"):
        vx.attribute(net, clip(), method="gradcam", layer="conv")
    net.moved = lambda x: x
    assert torch.equal(
        vx.attribute(net, clip(), method="gradcam", layer="conv"),
        vx.attribute(Net().eval(), clip(), method="gradcam", layer="conv"),
    )


def test_weights_decide_what_a_network_looks_at():
    class Chooses(Net):
        """Its gate turns the clip."""

        def __init__(self) -> None:
            super().__init__()
            self.gate = nn.Parameter(torch.zeros(()))

        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x + self.gate * (x.flip(2) - x))

    net = Chooses().eval()
    vx.attribute(net, clip(), method="gradcam", layer="conv")
    net.load_state_dict(net.state_dict() | {"gate": torch.ones(())})
    with pytest.raises(vx.VidexplainError, match="do not follow the clip along the time"):
        vx.attribute(net, clip(), method="gradcam", layer="conv")


def test_the_default_layer_is_looked_for_again():
    net = Net().eval()
    before = vx.attribute(net, clip(), method="gradcam", enlarge=False)
    net.relu = nn.Sequential(nn.ReLU(), nn.AvgPool3d(2))
    after = vx.attribute(net, clip(), method="gradcam", enlarge=False)
    assert (before.shape, after.shape) == ((1, 8, 16, 16), (1, 4, 8, 8))


def test_a_configuration_that_is_another_one_is_another_network():
    net, known = Net(), NetworkAnswers[str]()
    wrapped = vx.wrap(net, num_frames=8, size=16)
    known.ask(wrapped, (), lambda: "measured")
    wrapped.config = wrapped.config.replace(view=wrapped.config.view)
    assert known.ask(wrapped, (), lambda: "anew") == "measured"
    wrapped.config = wrapped.config.replace(tokens=TokenLayout((1, 2, 2)))
    assert known.ask(wrapped, (), lambda: "anew") == "anew"

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from tests.attribution.left_behind import CONTEXTS, failing_in_backward, failing_score, state
from tests.attribution.networks import Small3D, seeded, video
from tests.device import placed
from tests.oracles import rollout as oracle
from tests.small_models import TRANSFORMERS, Transformer, huggingface
from videxplain.attribution.api import attribute
from videxplain.attribution.attention.read import ReadAttention
from videxplain.errors import VidexplainError
from videxplain.explanation.api import explain
from videxplain.models.config import ModelConfig, TokenLayout

JOINT = {"videomae": (2, 3, 3), "vivit": (2, 3, 3), "vjepa2": (2, 3, 3)}


def own_attention(network, x):
    """What transformers itself puts out as attention, ``(N, heads, L, L)`` a layer."""
    network.module.set_attn_implementation("eager")
    with torch.no_grad():
        found = network.module(**network._prepare(x), output_attentions=True).attentions
    return [layer.cpu() for layer in found]


@pytest.mark.parametrize("name", ["videomae", "vivit"])
def test_rollout_equals_the_literal_product(name, tmp_path):
    network, x = huggingface(name, tmp_path), video(2, 3, 4, 24, 24)
    found = attribute(network, x, method="attention-rollout", enlarge=False)
    for n in range(2):
        flow = oracle.product([layer[n].mean(0) for layer in own_attention(network, x)])
        row = flow.mean(0) if name == "videomae" else flow[0, 1:]
        torch.testing.assert_close(found[n].cpu(), row.reshape(JOINT[name]), rtol=1e-5, atol=1e-7)


def test_a_network_that_reads_its_first_patch_is_followed_from_there(tmp_path):
    """VideoMAE fine-tuned from its pretraining: no class token, no mean."""
    network, x = huggingface("videomae", tmp_path, use_mean_pooling=False), video(1, 3, 4, 24, 24)
    found = attribute(network, x, method="attention-rollout", enlarge=False)[0]
    of_class = attribute(network, x, method="attention-gradient-rollout", target=3, enlarge=False)[0]
    layers = [layer[0] for layer in own_attention(network, x)]
    flow = oracle.product([layer.mean(0) for layer in layers])
    assert (flow[0] - flow.mean(0)).abs().max() > 0.1
    torch.testing.assert_close(found.cpu(), flow[0].reshape(2, 3, 3), rtol=1e-5, atol=1e-7)
    out = network.module(**network._prepare(x), output_attentions=True)
    gradients = torch.autograd.grad(out.logits[0, 3], out.attentions)
    relevance = oracle.relevance([a[0].detach().cpu() for a in out.attentions], [g[0].cpu() for g in gradients])
    row = (relevance - torch.eye(len(relevance)))[0]
    assert row.max() > 0
    torch.testing.assert_close(of_class.cpu(), row.reshape(2, 3, 3), rtol=1e-4, atol=1e-7)


def test_rollout_begins_at_the_query_that_collects(tmp_path):
    """V-JEPA 2: two layers of the encoder, one of the pooler, and a query that attends to all tokens."""
    network, x = huggingface("vjepa2", tmp_path), video(1, 3, 4, 24, 24)
    found = attribute(network, x, method="attention-rollout", enlarge=False)[0]
    layers = [layer[0].mean(0) for layer in own_attention(network, x)]
    pooled = []

    def keep(_, __, out):
        pooled.append(out[1][0].mean(0).cpu())

    for name in ("self_attention_layers.0.self_attn", "cross_attention_layer.cross_attn"):
        network.get_submodule(f"pooler.{name}").register_forward_hook(keep)
    with torch.no_grad():
        network(x)
    assert len(layers) == 2
    own, query = pooled
    row = query[0] @ oracle.product([*layers, own])
    torch.testing.assert_close(found.cpu(), row.reshape(2, 3, 3), rtol=1e-5, atol=1e-7)
    assert found.sum() == pytest.approx(1, abs=1e-5)


def divided(network, x):
    """Attention over time and over space of TimeSformer's layers, in their order, as whole matrices of one sample."""
    grid, seen = (4, 3, 3), []

    def keep(space):
        def hook(_, __, out):
            put = oracle.over_space if space else oracle.over_time
            seen.append(torch.stack([put(out[:, head].cpu(), grid) for head in range(out.shape[1])]))

        return hook

    hooks = [
        m.register_forward_hook(keep("temporal" not in name))
        for name, m in network.named_modules()
        if name.endswith("attn_drop")
    ]
    with torch.no_grad():
        network(x)
    for hook in hooks:
        hook.remove()
    return seen


def test_divided_attention_is_followed_through_time_and_space(tmp_path):
    network, x = huggingface("timesformer", tmp_path), video(1, 3, 4, 24, 24)
    layers = [layer.mean(0) for layer in divided(network, x)]
    assert len(layers) == 4
    row = oracle.product(layers)[0, 1:]
    found = attribute(network, x, method="attention-rollout", enlarge=False)[0]
    torch.testing.assert_close(found.cpu(), row.reshape(3, 3, 4).movedim(-1, 0), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("name", ["videomae", "vivit"])
def test_relevance_equals_the_literal_rule(name, tmp_path):
    network, x = huggingface(name, tmp_path), video(1, 3, 4, 24, 24)
    found = attribute(network, x, method="attention-gradient-rollout", target=3, enlarge=False)[0]
    network.module.set_attn_implementation("eager")
    out = network.module(**network._prepare(x), output_attentions=True)
    gradients = torch.autograd.grad(out.logits[0, 3], out.attentions)
    flow = oracle.relevance([a[0].detach().cpu() for a in out.attentions], [g[0].cpu() for g in gradients])
    start = torch.eye(len(flow))
    row = (flow - start).mean(0) if name == "videomae" else (flow - start)[0, 1:]
    assert row.max() > 0
    torch.testing.assert_close(found.cpu(), row.reshape(JOINT[name]), rtol=1e-4, atol=1e-7)


class OneHead(nn.Module):
    """Tubelets of 2x8x8 and attention written without an axis of heads, ``(N, queries, keys)``."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Conv3d(3, 8, (2, 8, 8), stride=(2, 8, 8))
        self.norm, self.read, self.head = nn.LayerNorm(8), nn.Linear(8, 24), nn.Linear(8, 4)

    def forward(self, x):
        tokens = self.embed(x).flatten(2).transpose(1, 2)
        q, k, v = self.read(self.norm(tokens)).chunk(3, -1)
        self.attention = (q @ k.transpose(1, 2)).softmax(-1)
        return self.head((tokens + self.attention @ v).mean(1))


def test_relevance_of_attention_without_an_axis_of_heads():
    """It was zero: the gradient was asked for a view of the attention, which the network does not go on with."""
    network, x = seeded(OneHead), video(1, 3, 4, 24, 24)
    found = attribute(network, x, method="attention-gradient-rollout", target=3, enlarge=False)[0]
    logits = network(x)
    (gradient,) = torch.autograd.grad(logits[0, 3], network.attention)
    expected = (network.attention * gradient)[0].relu().mean(0).detach()
    assert expected.max() > 0
    torch.testing.assert_close(found.flatten().cpu(), expected.cpu())


def test_relevance_is_of_the_class(tmp_path):
    network, x = huggingface("timesformer", tmp_path), video(2, 3, 4, 24, 24)
    both = attribute(network, x, method="attention-gradient-rollout", targets=[0, 1], enlarge=False)
    for target, maps in enumerate(both):
        single = attribute(network, x, method="attention-gradient-rollout", target=target, enlarge=False)
        torch.testing.assert_close(maps, single)
    assert not torch.allclose(both[0], both[1], rtol=0.01)


class Uniform(nn.Module):
    """Tokens that all attend to all alike: keys are zero. The class token is read."""

    def __init__(self, layers=2, order="thw"):
        super().__init__()
        self.order = order
        self.embed = nn.Conv3d(3, 8, (1, 4, 4), stride=(1, 4, 4))
        self.first = nn.Parameter(torch.randn(1, 1, 8))
        self.norms = nn.ModuleList(nn.LayerNorm(8) for _ in range(layers))
        self.values = nn.ModuleList(nn.Linear(8, 8) for _ in range(layers))
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        places = self.embed(x) if self.order == "thw" else self.embed(x).movedim(2, 4)
        tokens = torch.cat([self.first.expand(len(x), 1, 8), places.flatten(2).transpose(1, 2)], 1)
        for norm, value in zip(self.norms, self.values, strict=True):
            v = value(norm(tokens))[:, None]
            tokens = tokens + F.scaled_dot_product_attention(torch.ones_like(v), torch.zeros_like(v), v)[:, 0]
        return self.head(tokens[:, 0])


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_uniform_attention_gives_every_place_the_same(layers):
    """At each layer half of the class token's weight moves to all L tokens alike: 1 - 2^-layers of it in the end."""
    found = attribute(seeded(lambda: Uniform(layers)), video(2, 3, 2, 8, 12), method="attention-rollout", enlarge=False)
    assert found.shape == (2, 2, 2, 3)
    torch.testing.assert_close(found, torch.full_like(found, (1 - 0.5**layers) / 13))


def test_an_explanation_says_that_its_map_is_even():
    network = seeded(Uniform)
    network.config = ModelConfig("a", 3, 2, (8, 12), "consecutive", default_layer="", first_layer="", weights="made up")
    frames = np.random.default_rng(0).integers(0, 255, (2, 8, 12, 3), np.uint8)
    explanation = explain(network, frames, method="attention-rollout")
    assert (
        "the map is nearly even: its low values are 100 % of the highest, so it hardly says where" in explanation.notes
    )


@pytest.mark.parametrize("method", ["attention-rollout", "attention-gradient-rollout"])
def test_what_is_read_and_where_tokens_stand_can_be_said(method):
    """The mean of a network with a class token, and an order of tokens that the pass does not show."""
    network, x = seeded(Uniform), video(1, 3, 2, 8, 12)
    plain = attribute(network, x, method=method, target=1, enlarge=False)
    by_place = seeded(lambda: Uniform(order="hwt"))
    told = attribute(by_place, x, method=method, target=1, enlarge=False, token_grid=TokenLayout((2, 2, 3), 1, "hwt"))
    torch.testing.assert_close(told, plain)
    mean = attribute(
        network, x, method=method, target=1, enlarge=False, token_grid=TokenLayout((2, 2, 3), 1, read="mean")
    )
    if method == "attention-rollout":  # 1/4 stays at each place, 3/4 spreads over all 13 tokens
        torch.testing.assert_close(mean, torch.full_like(mean, 0.25 / 12 + 0.75 / 13))


def test_maps_add_up_to_what_is_read(tmp_path):
    """Nothing is lost on the way; of networks with a class token it keeps a share."""
    for name, (build, shape) in TRANSFORMERS.items():
        if name in ("mvit_v1", "mvit_v2", "swin3d"):
            continue
        (tmp_path / name).mkdir()
        found = attribute(build(tmp_path / name), video(2, 3, *shape), method="attention-rollout", enlarge=False)
        total = found.sum((1, 2, 3))
        if name in ("timesformer", "vivit", "xclip", "image transformer"):
            assert (total > 0.2).all()
            assert (total < 0.9).all()
        else:
            torch.testing.assert_close(total, placed(torch.ones(2)))


def test_frames_that_never_meet_count_alike(tmp_path):
    """An image transformer over frames: each frame's map is that of a clip of this frame alone, at 1 / T."""
    network, x = TRANSFORMERS["image transformer"][0](tmp_path), video(2, 3, 4, 24, 24)
    found = attribute(network, x, method="attention-rollout", enlarge=False)
    for t in range(4):
        alone = attribute(network, x[:, :, t : t + 1], method="attention-rollout", enlarge=False)
        torch.testing.assert_close(found[:, t], alone[:, 0] / 4)


class Kinds(nn.Module):
    """The same attention in the ways in which networks compute it."""

    def __init__(self, kind):
        super().__init__()
        self.kind, self.qkv = kind, nn.Linear(8, 24)

    def forward(self, x):
        q, k, v = (part.unflatten(2, (2, 4)).transpose(1, 2) for part in self.qkv(x).chunk(3, 2))
        scores = q @ k.transpose(2, 3) / 2
        if self.kind == "fused":
            return F.scaled_dot_product_attention(q, k, v)
        if self.kind == "fused, causal":
            return F.scaled_dot_product_attention(q, k, v, is_causal=True)
        if self.kind == "fused, mask":
            return F.scaled_dot_product_attention(q, k, v, attn_mask=torch.ones(6, 6, device=q.device).tril().bool())
        if self.kind == "fused, bias and scale":
            return F.scaled_dot_product_attention(
                q / 2, k, v, torch.arange(36.0, device=q.device).view(6, 6), scale=1.0
            )
        if self.kind == "fused, groups":
            return F.scaled_dot_product_attention(q, k[:, :1], v[:, :1], enable_gqa=True)
        softmax = {
            "method": lambda s: s.softmax(-1),
            "torch": lambda s: torch.softmax(s, dim=3),
            "functional": lambda s: F.softmax(s, dim=-1),
            "module": nn.Softmax(-1),
            "special": lambda s: torch.special.softmax(s, -1),
            "negative": lambda s: F.softmin(-s, dim=-1),
        }[self.kind]
        return softmax(scores) @ v


KINDS = ("fused, causal", "fused, mask", "fused, bias and scale", "fused, groups", "fused")


@pytest.mark.parametrize("kind", [*KINDS, "method", "torch", "functional", "module", "special", "negative"])
def test_attention_is_read_however_it_is_computed(kind):
    module, x, seen = seeded(lambda: Kinds(kind)), video(3, 6, 8), []
    plain = module(x)
    with ReadAttention(seen.append):
        torch.testing.assert_close(module(x), plain, rtol=1e-5, atol=1e-6)
    assert len(seen) == 1
    assert seen[0].shape == (3, 2, 6, 6)
    torch.testing.assert_close(seen[0].sum(-1), placed(torch.ones(3, 2, 6)))
    v = module.qkv(x).chunk(3, 2)[2].unflatten(2, (2, 4)).transpose(1, 2)
    v = v[:, :1] if kind == "fused, groups" else v
    torch.testing.assert_close(seen[0] @ v, plain, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("asked", [{}, {"average_attn_weights": False}, {"need_weights": False}])
def test_attention_of_the_module_is_read_and_it_answers_as_asked(asked):
    module, x, seen = seeded(lambda: nn.MultiheadAttention(8, 2, batch_first=True)), video(3, 6, 8), []
    with torch.no_grad():
        plain, weights = module(x, x, x, **asked)
        with ReadAttention(seen.append):
            found, again = module(x, x, x, **asked)
        _, each = module(x, x, x, average_attn_weights=False)
    torch.testing.assert_close(found, plain)
    assert (again is None) == (weights is None)
    if weights is not None:
        torch.testing.assert_close(again, weights)
    torch.testing.assert_close(seen[0], each)


class Elsewhere(Uniform):
    def forward(self, x):
        return super().forward(x) + torch.softmax(x.flatten(2)[:, :, :4], dim=1).mean((1, 2))[:, None]


class NoAttention(Uniform):
    def forward(self, x):
        return self.head(self.norms[0](self.embed(x).flatten(2).transpose(1, 2)).mean(1))


@pytest.mark.parametrize(
    ("build", "method", "message"),
    [
        (Small3D, "attention-rollout", "attention-rollout is for transformers, and this network has no tokens"),
        (NoAttention, "attention-rollout", "attention-rollout needs attention, and the network shows none"),
        (Elsewhere, "attention-rollout", r"a softmax over dimension 1 of \(1, 3, 4\) is no attention to keys"),
        (Transformer, "attention-gradient-rollout", "nn.MultiheadAttention shows no gradient of its attention"),
    ],
)
def test_what_cannot_be_followed_is_refused(build, method, message):
    with pytest.raises(VidexplainError, match=message):
        attribute(seeded(build), video(1, 3, 2, 16, 16), method=method)


@pytest.mark.parametrize(
    ("name", "groups"), [("mvit_v1", "129 tokens to 33 in 1"), ("swin3d", "18 tokens to 18 in 12")]
)
def test_pooled_and_windowed_attention_is_refused(name, groups, tmp_path):
    build, shape = TRANSFORMERS[name]
    with pytest.raises(VidexplainError, match=f"follows attention between the tokens of a clip, .* of {groups} groups"):
        attribute(build(tmp_path), video(1, 3, *shape), method="attention-rollout")


def test_the_grid_of_a_configuration_counts():
    """All moments of a place stand together, which the pass does not show."""
    network, x = seeded(lambda: Uniform(order="hwt")), video(1, 3, 2, 8, 12)
    method = {"method": "attention-gradient-rollout", "target": 1, "enlarge": False}
    with pytest.raises(VidexplainError, match="the clip's height lies along its axis 2 instead of axis 3"):
        attribute(network, x, **method)
    network.config = ModelConfig(
        "a", 3, 2, (8, 12), "consecutive", default_layer="", first_layer="", tokens=TokenLayout((2, 2, 3), 1, "hwt")
    )
    torch.testing.assert_close(attribute(network, x, **method), attribute(seeded(Uniform), x, **method))


METHODS = ("attention-rollout", "attention-gradient-rollout")
READABLE = ("videomae", "timesformer", "vivit", "vjepa2")


@pytest.mark.parametrize("name", READABLE)
@pytest.mark.parametrize("method", METHODS)
def test_what_holds_for_every_method(method, name, tmp_path):
    """Batches equal singles, the same again, in any grad mode; targets by index, function and list agree."""
    network, x = huggingface(name, tmp_path), video(3, 3, 4, 24, 24)
    found = attribute(network, x, method=method, target=1)
    assert not found.requires_grad
    assert found.min() >= 0
    assert found.abs().max() > 0
    for n in range(3):
        single = attribute(network, x[n : n + 1], method=method, target=1)[0]
        torch.testing.assert_close(single, found[n], rtol=1e-4, atol=1e-5 * float(found.max()))
    for target in (lambda logits: logits[:, 1], [1, 1, 1]):
        assert torch.equal(attribute(network, x, method=method, target=target), found)
    for context in (torch.no_grad, torch.inference_mode):
        with context():
            torch.testing.assert_close(attribute(network, x.clone(), method=method, target=1), found)
    half = attribute(network, x, method=method, target=1, precision="bf16")
    torch.testing.assert_close(half, found, rtol=0, atol=0.1 * float(found.max()))
    x[0, 0, 0, 0, 0] = float("nan")
    with pytest.raises(VidexplainError, match="the input holds NaN or infinite values"):
        attribute(network, x, method=method)


@pytest.mark.parametrize("context", CONTEXTS)
@pytest.mark.parametrize("method", METHODS)
def test_nothing_is_left_behind(method, context, tmp_path):
    network, x = huggingface("vivit", tmp_path).train(), video(1, 3, 4, 24, 24)
    classifier = network.get_submodule("classifier")
    classifier.weight.requires_grad_(False)
    classifier.bias.grad = placed(torch.ones(5))
    with CONTEXTS[context]():
        before = state(network)
        attribute(network, x, method=method)
        assert state(network) == before
        with pytest.raises(ZeroDivisionError):
            attribute(network, x, method="attention-gradient-rollout", target=failing_score)
        assert state(network) == before
        with pytest.raises(ZeroDivisionError):
            attribute(network, x, method="attention-gradient-rollout", target=failing_in_backward)
        assert state(network) == before


def test_without_influence_there_is_no_relevance(tmp_path):
    network = huggingface("videomae", tmp_path)
    nn.init.zeros_(network.get_submodule("classifier").weight)
    found = attribute(network, video(1, 3, 4, 24, 24), method="attention-gradient-rollout", target=1)
    assert found.abs().max() == 0

"""TCAV: a literal version, a planted direction, captum on the same vectors, and concepts that nothing has learned."""

import json

import numpy as np
import pytest
import torch
from scipy.stats import ttest_ind
from torch import Tensor, nn

import videxplain as vx
from tests.concepts.networks import EACH, LABELS, MARKED, windows_of
from videxplain.concepts.cav import p_value, score_runs, tcav_score, train_cav
from videxplain.concepts.reader import LayerReader
from videxplain.concepts.tcav import _videos
from videxplain.errors import VidexplainError


def test_a_planted_direction_is_found():
    """Examples that differ from the others along one direction, with noise along all."""
    rng = np.random.default_rng(0)
    direction = np.array([3.0, 0, -4.0, 0, 0]) / 5
    others = rng.normal(0, 0.3, (200, 5))
    cav = train_cav(rng.normal(0, 0.3, (100, 5)) + 3 * direction, others[:100], 0)
    assert cav.vector @ direction > 0.98
    assert np.linalg.norm(cav.vector) == pytest.approx(1)
    assert cav.accuracy == 1.0
    nothing = train_cav(others[:100], others[100:], 0)
    assert nothing.accuracy == pytest.approx(0.5, abs=0.15)


def test_the_score_is_the_share_of_clips_that_rise():
    gradients = np.array([[1.0, 0.0], [0.5, -2.0], [-1.0, 0.0], [2.0, 1.0]])
    assert tcav_score(np.array([1.0, 0.0]), gradients) == 0.75
    assert tcav_score(np.array([0.0, -1.0]), gradients) == 0.25


def test_the_test_is_welchs():
    rng = np.random.default_rng(1)
    first, second = rng.normal(0.8, 0.1, 20), rng.normal(0.5, 0.3, 20)
    assert p_value(first, second) == pytest.approx(ttest_ind(first, second, equal_var=False).pvalue)
    assert p_value(np.ones(5), np.ones(5)) == 1.0
    assert p_value(np.ones(5), np.zeros(5)) == 0.0


def test_runs_are_those_of_a_literal_version():
    rng = np.random.default_rng(2)
    concept, pool, gradients = rng.normal(1, 1, (6, 4)), rng.normal(0, 1, (15, 4)), rng.normal(0, 1, (30, 4))
    got = score_runs(concept, pool, gradients, runs=3, seed=7)
    for run in range(3):
        draw = np.random.default_rng([7, run])
        order = draw.permutation(15)
        chosen = draw.permutation(6)[:6]
        for vectors, scores, accuracies in (
            (train_cav(concept[chosen], pool[order[:6]], 7 + run), got.concept, got.accuracy),
            (train_cav(pool[order[:6]], pool[order[6:12]], 7 + run), got.random, got.random_accuracy),
        ):
            rising = sum(float(np.dot(gradient, vectors.vector)) > 0 for gradient in gradients)
            assert scores[run] == rising / 30
            assert accuracies[run] == vectors.accuracy


@pytest.fixture(scope="module")
def folders(marked, tmp_path_factory):
    """Clips with the mark, and clips without, in folders."""
    _, data = marked
    root = tmp_path_factory.mktemp("examples")
    for label in LABELS:
        (root / label).mkdir()
        for path in sorted((data.root / label).iterdir()):
            (root / label / path.name).symlink_to(path)
    return root


def test_a_planted_concept_is_significant_for_its_class_alone(marked, folders):
    """The mark raises the score of the class that has it in training, and lowers that of the others."""
    model, data = marked
    others = [folders / label for label in ("Squat", "Walk")]
    results = vx.tcav(
        model, folders / MARKED, others, layer="relu1", target=[MARKED, "Squat"], data=data, subset="all", runs=10
    )
    own, other = results
    assert (own.concept, own.target, own.layer) == (MARKED, MARKED, "relu1")
    assert (own.examples, own.counterparts, own.clips, own.tests) == (EACH, 2 * EACH, EACH, 2)
    assert own.accuracy > 0.8
    assert own.is_significant
    assert own.score > 0.9
    assert other.score < 0.1
    assert own.score == pytest.approx(np.mean(own.scores))
    assert own.p == pytest.approx(min(1, 2 * p_value(np.array(own.scores), np.array(own.random_scores))))


def test_a_concept_that_nothing_distinguishes_is_said_to_be_none(marked, folders, tmp_path):
    """A concept of clips that are drawn as the random ones are."""
    model, data = marked
    paths = sorted((folders / "Squat").iterdir()) + sorted((folders / "Walk").iterdir())
    for name, part in (("some", paths[::3]), ("rest", [p for i, p in enumerate(paths) if i % 3])):
        (tmp_path / name).mkdir()
        for path in part:
            (tmp_path / name / path.name).symlink_to(path.resolve())
    (result,) = vx.tcav(
        model, tmp_path / "some", tmp_path / "rest", layer="relu1", target="Kick", data=data, subset="all", runs=10
    )
    assert not result.is_learned
    assert not result.is_significant
    assert "no better than chance" in result.notes[0]


def test_a_linear_head_is_said(marked, folders):
    model, _ = marked
    (result,) = vx.tcav(
        model,
        folders / MARKED,
        folders / "Squat",
        layer="relu2",
        target=MARKED,
        clips=folders / MARKED,
        runs=2,
    )
    assert any("same gradient" in note for note in result.notes)
    assert set(result.scores) <= {0.0, 1.0}


def test_features_and_gradients_are_those_of_a_literal_version(marked, folders):
    model, _ = marked
    path = _videos(folders / "Kick")[0]
    reader = LayerReader(model, model.config, "relu1", None, 1)
    _, x = windows_of(model, path)
    with torch.no_grad():
        expected = model.relu1(model.conv1(x)).mean((0, 2, 3, 4))
    np.testing.assert_allclose(reader.features([path])[0], expected, rtol=1e-4)
    seen: list[Tensor] = []
    handle = model.relu1.register_forward_hook(lambda *a: seen.append(a[2]) or a[2].retain_grad())
    model(x.requires_grad_())[:, 1].sum().backward()
    handle.remove()
    got = reader.gradients([path], lambda logits: logits[:, 1])[0]
    np.testing.assert_allclose(got, seen[0].grad.sum((2, 3, 4)).mean(0), rtol=1e-3, atol=1e-6)


class _Fixed:
    """A classifier for captum whose vector is known."""

    def __init__(self, weights: Tensor) -> None:
        self._weights, self._classes = weights, []

    def train_and_eval(self, dataloader, **_):
        labels = torch.cat([labels for _, labels in dataloader])
        self._classes = sorted(set(labels.tolist()))
        return {"accs": torch.tensor(1.0)}

    def weights(self):
        return torch.stack([self._weights, -self._weights])

    def classes(self):
        return self._classes


def test_captum_gives_the_same_score_for_the_same_vector(tmp_path):
    """captum's vectors have a number for each place; ours is the same one at all."""
    from captum.attr import LayerGradientXActivation
    from captum.concept import TCAV, Classifier, Concept

    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv3d(3, 5, 3, 1, 1), nn.Tanh(), nn.Conv3d(5, 4, 3, 2), nn.Tanh(), nn.Flatten(), nn.LazyLinear(3)
    )
    x = torch.rand(12, 3, 4, 8, 8)
    model(x)
    outputs: list[Tensor] = []
    handle = model[1].register_forward_hook(lambda *a: outputs.append(a[2]) or a[2].retain_grad())
    model(x.requires_grad_())[:, 2].sum().backward()
    handle.remove()
    gradients = outputs[0].grad.sum((2, 3, 4)).numpy()
    # Across the mean gradient, so that some clips rise along it and some fall.
    mean = torch.from_numpy(gradients.mean(0))
    vector = torch.randn(5)
    vector -= mean * (vector @ mean) / (mean @ mean)
    places = vector[:, None].expand(5, 4 * 8 * 8).reshape(-1)

    class Known(_Fixed, Classifier):
        pass

    data = [torch.rand(3, 4, 8, 8) for _ in range(4)]
    concepts = [
        Concept(id=i, name=name, data_iter=torch.utils.data.DataLoader(data, batch_size=2))
        for i, name in enumerate(("shown", "random"))
    ]
    reference = TCAV(
        model=model,
        layers=["1"],
        classifier=Known(places),
        layer_attr_method=LayerGradientXActivation(model, None, multiply_by_inputs=False),
        save_path=str(tmp_path),
    )
    said = reference.interpret(inputs=x.detach(), experimental_sets=[concepts], target=2)
    expected = float(next(iter(said.values()))["1"]["sign_count"][0])
    assert 0 < expected < 1
    assert tcav_score(vector.numpy(), gradients) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"layer": "relu9"}, "unknown layer 'relu9'"),
        ({"target": "Fly"}, "unknown class 'Fly'"),
        ({"runs": 1}, "takes 2 to 10,000 runs over random sets, not 1$"),
        ({"runs": 10**21}, "takes 2 to 10,000 runs over random sets, not 1000000000000000000000$"),
        ({"seed": 2**32}, "seed is 0 to 4,294,967,295, not 4294967296$"),
        ({"seed": -1}, "seed is 0 to 4,294,967,295, not -1$"),
        ({"against": "Wave"}, "is a clip of the concept"),
        ({"clips": None}, "give the clips of the class"),
        ({"concept": "gone"}, "gone"),
    ],
)
def test_bad_input_is_one_line(marked, folders, changed, message):
    model, _ = marked
    given = {"concept": MARKED, "against": "Squat", "clips": "Kick", "layer": "relu1", "target": "Kick", **changed}
    for name in ("concept", "against", "clips"):
        given[name] = given[name] and folders / given[name]
    with pytest.raises(VidexplainError, match=message) as raised:
        vx.tcav(model, **given)
    assert "\n" not in str(raised.value)


def test_too_few_clips_are_refused():
    with pytest.raises(VidexplainError, match="at least 4 clips and 8 random ones, and there are 3 and 9"):
        score_runs(np.zeros((3, 2)), np.zeros((9, 2)), np.zeros((5, 2)))


def test_too_few_clips_are_refused_before_any_is_read(marked, folders, tmp_path):
    (tmp_path / "few").mkdir()
    for path in sorted((folders / "Squat").iterdir())[:3]:
        (tmp_path / "few" / path.name).symlink_to(path.resolve())
    told = []
    with pytest.raises(VidexplainError, match="and there are 3 and 8"):
        vx.tcav(
            marked[0],
            tmp_path / "few",
            folders / "Walk",
            layer="relu1",
            target="Kick",
            clips=folders / "Kick",
            progress=lambda *done: told.append(done),
        )
    assert told == []


def test_the_command_prints_and_writes(run, folders, tmp_path, monkeypatch, marked):
    model, _ = marked
    asked = {}
    monkeypatch.setattr("videxplain.models.zoo.load_model", lambda *_, **given: asked.update(given) or model)
    words = ["--concept", folders / MARKED, "--against", folders / "Squat", "--against", folders / "Walk"]
    words += ["--clips", folders / MARKED, "--layer", "relu1", "--target", MARKED, "--runs", "4", "--out", tmp_path]
    words += ["--set", "sampling=uniform"]
    status, printed, _ = run("tcav", "--model", "i3d", *words)
    assert status == 0
    assert asked["sampling"] == "uniform"
    assert MARKED in printed
    assert str(tmp_path / "tcav.json") in printed
    (one,) = json.loads((tmp_path / "tcav.json").read_text(encoding="utf-8"))
    assert one["clips"] == EACH
    assert len(one["scores"]) == 4
    status, _, errors = run("tcav", "--model", "i3d", *words, "--runs", 10**21)
    assert status == 2
    assert errors == f"videxplain: error: a test takes 2 to 10,000 runs over random sets, not {10**21}\n"
    status, _, errors = run("tcav", "--model", "i3d", *words, "--data", folders)
    assert status == 2
    assert errors == "videxplain: error: tcav needs --clips or --data for the clips of the class, one of the two\n"

"""The benchmark: which clips it takes, what it measures, that it goes on where it was, and what it writes."""

import dataclasses
import itertools

import numpy as np
import pytest
import torch
from torch import nn

from videxplain.actionfigures import LABELS, held_out_clips
from videxplain.benchmark import run as running
from videxplain.benchmark.agreement import agreement
from videxplain.benchmark.cases import Case, Chosen, Scene, choose_cases, dataset_scenes, rendered_scenes
from videxplain.benchmark.judgement import judge_all
from videxplain.benchmark.measures import MEASURES, Subject
from videxplain.benchmark.report import write
from videxplain.benchmark.rows import Row, append, claim, read, rows_of, rows_path
from videxplain.benchmark.rows_csv import FILE, read_csv, write_csv
from videxplain.benchmark.run import BASELINES, Entrant, run
from videxplain.benchmark.summary import mean, summarise
from videxplain.benchmark.tables import markdown
from videxplain.data.datasets.types import Video, VideoDataset
from videxplain.data.datasets.ucf101_24 import Tube, VideoBoxes
from videxplain.errors import VidexplainError
from videxplain.models.config import ModelConfig

SIDE = 16


class Brightness(nn.Module):
    """Class 0 is a bright clip, class 1 a dark one; the evidence is where it is bright."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv3d(3, 2, 1, bias=False)
        self.relu = nn.ReLU()
        self.fc = nn.Linear(2, 2)
        with torch.no_grad():
            self.conv.weight.copy_(torch.tensor([1.0, -1.0]).view(2, 1, 1, 1, 1).expand(2, 3, 1, 1, 1))
            self.fc.weight.copy_(torch.tensor([[4.0, 0.0], [0.0, 4.0]]))
            self.fc.bias.copy_(torch.tensor([0.0, 0.3]))
        self.config = ModelConfig(
            "brightness",
            2,
            4,
            (SIDE, SIDE),
            "consecutive",
            "relu",
            "conv",
            labels=("bright", "dark"),
            mean=(0.5,) * 3,
            std=(0.5,) * 3,
            weights="set by hand",
        )

    def forward(self, x):
        return self.fc(self.relu(self.conv(x)).mean((2, 3, 4)))


def scene(number, label="bright"):
    """Grey, with a white square that is there in the second half of the clip: the evidence."""
    frames = np.full((8, SIDE, SIDE, 3), 127 if label == "bright" else 90, np.uint8)
    limbs = np.zeros((8, SIDE, SIDE), bool)
    limbs[5:, 4:12, 4:12] = True
    if label == "bright":
        frames[limbs] = 255
    active = np.arange(8) >= 5
    return Scene(f"{label}/{number}", frames, label, limbs, limbs, active)


def entrant():
    module = Brightness().eval()
    return Entrant("brightness", module, module.config)


def test_clips_of_all_classes_and_many_groups_each_once():
    names = [name for name, _ in itertools.islice(held_out_clips(), 28)]
    assert [name.split("/")[0] for name in names[:14]] == list(LABELS)
    assert len({name.split("_g")[1] for name in names}) == 28
    first, again = (next(held_out_clips())[1].frames for _ in range(2))
    assert np.array_equal(first, again)


def test_an_explanation_is_done_only_when_its_map_is_kept(tmp_path, monkeypatch):
    def full(*_):
        raise VidexplainError("cannot write: No space left on device")

    monkeypatch.setattr(running, "_keep", full)
    with pytest.raises(VidexplainError, match="No space left"):
        run(entrant(), ["saliency"], iter([scene(0)]), 1, tmp_path)
    assert read(rows_path(tmp_path, "brightness")) == []
    monkeypatch.undo()
    run(entrant(), ["saliency"], iter([scene(0)]), 1, tmp_path)
    assert {row.method for row in read(rows_path(tmp_path, "brightness"))} == {*BASELINES, "saliency"}
    assert len(list((tmp_path / "maps" / "brightness").rglob("*.npy"))) == len(BASELINES) + 1


def test_rendered_scenes_have_their_evidence():
    one = next(rendered_scenes())
    assert one.label == "Walk"
    assert one.limbs[one.active].any((1, 2)).mean() > 0.9
    assert not one.limbs[~one.active].any()


def test_a_case_is_the_last_window_and_what_is_wrong_is_left_out():
    module = Brightness().eval()
    wrong = dataclasses.replace(scene(1), label="dark")
    found = choose_cases(module, module.config, iter([scene(0), wrong, scene(2), scene(3)]), 2)
    assert [case.name for case in found.cases] == ["bright/0", "bright/2"]
    assert found.seen == 3
    case = found.cases[0]
    assert case.target == 0
    assert case.active.tolist() == [False, True, True, True]
    assert case.limbs[1, 4:12, 4:12].all()
    assert case.limbs.sum() == 3 * 64
    assert case.x[0, 0, 1, 5, 5] == pytest.approx(1.0)
    assert case.probability == pytest.approx(module(case.x).softmax(1)[0, 0].item(), abs=1e-6)
    with pytest.raises(VidexplainError, match="classifies none of 1 videos rightly"):
        choose_cases(module, module.config, iter([wrong]), 2)


def test_videos_without_a_known_class_are_explained_for_the_one_predicted():
    module = Brightness().eval()
    unknown = dataclasses.replace(scene(0), label="juggling", limbs=None, people=None, active=None)
    (case,) = choose_cases(module, module.config, iter([unknown]), 1).cases
    assert (case.label, case.limbs, case.active) == ("bright", None, None)
    subject = Subject(case, module, torch.rand(4, SIDE, SIDE), None)
    assert [name for name in MEASURES if MEASURES[name].run(subject) is None] == [
        *("pointing", "pointing_within", "energy", "iou", "pointing_in_time", "energy_in_time", "iou_in_time"),
        *("sensitivity", "head_randomised", "all_randomised"),
    ]


def test_the_evidence_is_the_best_map_where_the_network_uses_nothing_else(tmp_path):
    names = [*BASELINES, "gradcam", "saliency", "cam"]
    chosen = run(entrant(), names[len(BASELINES) :], iter([scene(0), scene(1)]), 2, tmp_path)
    path = rows_path(tmp_path, "brightness")
    path.write_text("".join(reversed(path.read_text().splitlines(keepends=True))))  # as of a job that was merged
    rows = rows_of(tmp_path, "brightness", chosen, names)
    assert [row.video for row in rows] == [case.name for case in chosen.cases] * len(names)
    lines = {line.method: line for line in summarise(rows)}
    assert list(lines) == names
    values = {name: {key: found.value for key, found in line.means.items()} for name, line in lines.items()}
    for name in ("the evidence", "gradcam", "cam"):
        assert values[name]["energy"] == pytest.approx(1, abs=1e-6)
        assert values[name]["iou"] == 1
        assert values[name]["iou_in_time"] == 1
    assert values["gradcam"]["deletion"] < values["random"]["deletion"]
    assert values["gradcam"]["insertion"] > values["random"]["insertion"]
    assert values["gradcam"]["deletion"] == pytest.approx(values["the evidence"]["deletion"], abs=0.02)
    # Class 0 hangs on brightness alone: gradients are the same everywhere that is bright.
    assert values["random"]["energy"] == pytest.approx(3 * 64 / (4 * SIDE * SIDE), abs=0.03)
    assert lines["gradcam"].means["passes"].value > 0
    assert "passes" not in lines["random"].means
    assert lines["gradcam"].means["sensitivity"].clips == 2


def test_it_goes_on_where_it_was(tmp_path, monkeypatch):
    scenes = [scene(0), scene(1), scene(2)]
    run(entrant(), ["gradcam"], iter(scenes), 2, tmp_path)
    path = tmp_path / "rows" / "brightness.jsonl"
    whole = path.read_text()
    assert len(whole.splitlines()) == 2 * (len(BASELINES) + 1)
    # Killed in the middle of a line.
    path.write_text(whole[: len(whole) - 40])
    calls = []
    real = running.attribute
    monkeypatch.setattr(running, "attribute", lambda *a, **k: calls.append(k["method"]) or real(*a, **k))
    run(entrant(), ["gradcam"], iter(scenes), 2, tmp_path)
    assert "gradcam" in calls  # the one that was cut off, and what measuring it takes
    rows = read(path)
    assert len(rows) == 2 * (len(BASELINES) + 1)
    calls.clear()
    run(entrant(), ["gradcam"], iter(scenes), 2, tmp_path)
    assert calls == []
    run(entrant(), ["gradcam", "cam"], iter(scenes), 2, tmp_path)
    assert set(calls) == {"cam"}


def test_clips_whose_maps_would_share_a_file_are_refused(tmp_path):
    """Names of HMDB51 hold characters that no file of ours has."""
    scenes = [dataclasses.replace(scene(0), name=name) for name in ("bright/a#1", "bright/a;1")]
    with pytest.raises(VidexplainError, match="videos 'bright/a#1' and 'bright/a;1' would have one file name"):
        run(entrant(), ["saliency"], iter(scenes), 2, tmp_path)
    assert not list(tmp_path.iterdir())


def test_other_weights_are_measured_anew(tmp_path):
    run(entrant(), ["cam"], iter([scene(0)]), 1, tmp_path)
    other = entrant()
    other = dataclasses.replace(other, config=other.config.replace(weights="others"))
    chosen = run(other, ["cam"], iter([scene(0)]), 1, tmp_path)
    rows = rows_of(tmp_path, "brightness", chosen, [*BASELINES, "cam"])
    assert {row.weights for row in rows} == {"others"}


def test_a_method_that_refuses_is_said(tmp_path):
    one = entrant()
    one.module.relu = nn.Softplus()
    one.module.config = one.config.replace(default_layer="conv")
    chosen = run(one, ["guided-backprop"], iter([scene(0)]), 1, tmp_path)
    rows = rows_of(tmp_path, "brightness", chosen, [*BASELINES, "guided-backprop"])
    assert "calls no ReLU" in rows[-1].refused
    text = markdown(summarise(rows), {"brightness": chosen}, {"data": "squares"}, judge_all(rows))
    assert "Not for this network:\n\n- `guided-backprop`: brightness calls no ReLU" in text


def test_a_folder_of_other_data_is_refused(tmp_path):
    claim(tmp_path, {"data": "one"})
    claim(tmp_path, {"data": "one"})
    with pytest.raises(VidexplainError, match="holds results with data one, not two"):
        claim(tmp_path, {"data": "two"})


def test_the_mean_and_its_interval():
    found = mean([0.0, 1.0] * 50)
    assert found.value == 0.5
    # The standard error is 0.05.
    assert found.low == pytest.approx(0.5 - 1.96 * 0.05, abs=0.015)
    assert found.high == pytest.approx(0.5 + 1.96 * 0.05, abs=0.015)
    assert mean([3.0]) == dataclasses.replace(mean([3.0]), value=3.0, low=3.0, high=3.0, clips=1)


def row(method, family, deletion, video="a", seconds=None):
    forward = None if seconds is None else 0.5
    values = {"deletion": deletion, "energy": None}
    return Row("m", "w", method, family, video, "walk", 0.9, values, False, seconds, forward, 12.0)


CASE = Case("a", torch.zeros(1, 3, 1, 2, 2), 0, "walk", 0.9, np.zeros((1, 2, 2, 3), np.uint8), None, None, None)


def tables(rows, **chosen):
    return markdown(summarise(rows), chosen, {"data": "squares"}, judge_all(rows))


def test_tables_by_hand():
    rows = [
        row("random", "baseline", 0.5),
        row("any person", "baseline", 0.1),
        row("good", "cam", 0.2, "a", 1.0),
        row("good", "cam", 0.4, "b", 3.0),
        row("bad", "cam", 0.8, "a", 1.0),
    ]
    text = tables(rows, m=Chosen((CASE,), 3))
    assert "Weights: w. 1 clips; 2 more were left out because the network gets them wrong." in text
    assert "| *random* | 0.50 [0.50, 0.50] |" in text
    assert "| *any person* | 0.10 [0.10, 0.10] |" in text
    assert "| `good` | 0.30 [0.20, 0.40] |" in text
    assert "| `bad` | 0.80 [0.80, 0.80] |" in text
    assert "| `good` | 4.0 | 2 | 12 | 0 % |" in text
    # Of the two methods each is ranked among those that have its clips: good alone has both.
    assert "| `good` | 1.0 | 1 [1, 1] | 1 | 2 |" in text
    assert "| `bad` | 2.0 | 2 [2, 2] | 2 | 1 |" in text
    assert "**" not in text  # too few clips for a test


def clips(method, family, values):
    return [row(method, family, value, f"clip {number}") for number, value in enumerate(values)]


def test_bold_is_what_beats_the_baselines_and_is_not_told_from_the_best():
    random = [0.5 + 0.01 * number for number in range(11)]
    rows = [
        *clips("random", "baseline", random),
        *clips("any person", "baseline", [0.01] * 11),
        *clips("good", "cam", [value - 0.3 for value in random]),
        *clips("worse", "cam", [value - 0.1 for value in random]),
        *clips("no better", "cam", [value + (-0.2 if number % 2 else 0.2) for number, value in enumerate(random)]),
    ]
    text = tables(rows, m=Chosen((CASE,), 11))
    bold = [line for line in text.splitlines() if "**" in line]
    assert len(bold) == 1
    assert bold[0].startswith("| `good` | **0.25 [")
    twice = [*rows, *(dataclasses.replace(one, model="n") for one in rows)]
    text = tables(twice, m=Chosen((CASE,), 11), n=Chosen((CASE,), 11))
    overall = text.split("## All networks")[1].split("## m")[0]
    assert [line for line in overall.splitlines() if "**" in line] == ["| `good` | **0.25** | 2 |"]


def test_a_line_that_was_cut_off_does_not_spoil_the_next(tmp_path):
    path = tmp_path / "rows" / "m.jsonl"
    append(path, row("good", "cam", 0.2))
    path.write_text(path.read_text() + '{"model": "m", "wei')
    append(path, row("bad", "cam", 0.3))
    assert [found.method for found in read(path)] == ["good", "bad"]


def test_the_table_over_all_networks():
    rows = [row("good", "cam", 0.2), row("bad", "cam", 0.8), row("random", "baseline", 0.4)]
    others = [
        dataclasses.replace(one, model="n", values={"deletion": one.values["deletion"] + 0.1}) for one in rows[:2]
    ]
    text = tables(rows + others, m=Chosen((CASE,), 1), n=Chosen((CASE,), 1))
    head, *body = text.split("## All networks")[1].split("## m")[0].strip().splitlines()
    assert head == "|  | deletion ↓ | networks |"
    assert body[1:4] == ["| `good` | 0.25 | 2 |", "| `bad` | 0.85 | 2 |", "| *random* | 0.40 | 1 |"]


def test_the_order_of_methods_on_another_benchmark(tmp_path):
    values = {f"method {number}": 0.1 * number for number in range(5)}
    own = [one for name, value in values.items() for one in clips(name, "cam", [value, value + 0.01])]
    there = [dataclasses.replace(one, values={"deletion": 1 - one.values["deletion"]}) for one in own]
    for name, rows in (("own", own), ("there", there)):
        (tmp_path / name).mkdir()
        write_csv(tmp_path / name / FILE, rows)
    known = [dataclasses.replace(one, values={"deletion": one.values["deletion"]}) for one in own]
    assert read_csv(tmp_path / "own") == known
    chosen = {"m": Chosen((CASE,), 2)}
    files = write(tmp_path / "own", own, chosen, {"data": "squares"}, judge_all(own), tmp_path / "there")
    assert [path.name for path in files] == ["benchmark.csv", "pairs.csv", "benchmark.json", "benchmark.md"]
    text = (tmp_path / "own" / "benchmark.md").read_text()
    assert "| m, m (there) | -1.00 [-1.00, -1.00] | 5 |" in text
    with pytest.raises(VidexplainError, match="cannot read"):
        read_csv(tmp_path / "nowhere")
    (tmp_path / "own" / FILE).write_text("a,b\n1,2\n")
    with pytest.raises(VidexplainError, match="is not what a benchmark writes"):
        read_csv(tmp_path / "own")


def test_slow_methods_get_fewer_clips(tmp_path, monkeypatch):
    monkeypatch.setattr(running, "TOO_DEAR", 0)  # now every method is slow
    scenes = [scene(0), scene(1), scene(2)]
    run(entrant(), ["gradcam", "cam"], iter(scenes), 3, tmp_path, slow_videos=1)
    rows = read(tmp_path / "rows" / "brightness.jsonl")
    assert sorted(one.method for one in rows if one.family != "baseline") == ["cam", "gradcam"]
    assert len(rows) == 3 * len(BASELINES) + 2
    run(entrant(), ["gradcam", "cam"], iter(scenes), 3, tmp_path, slow_videos=2)
    assert len(read(tmp_path / "rows" / "brightness.jsonl")) == 3 * len(BASELINES) + 4
    run(entrant(), ["gradcam", "cam"], iter(scenes), 3, tmp_path)
    assert len(read(tmp_path / "rows" / "brightness.jsonl")) == 3 * len(BASELINES) + 6


def test_small_maps_are_kept_of_every_clip(tmp_path):
    chosen = run(entrant(), ["gradcam"], iter([scene(0), scene(1)]), 2, tmp_path)
    names = ["the evidence", "gradcam", "random"]
    found = agreement(tmp_path, "brightness", names, [case.name for case in chosen.cases])
    assert (found.clips == 2).all()
    assert found.correlation[0, 1] == pytest.approx(1, abs=1e-3)  # the network uses the evidence alone
    assert abs(found.correlation[0, 2]) < 0.2


def test_boxes_are_the_evidence_of_the_videos_that_have_some(tmp_path, write_video):
    frames = [np.full((24, 32, 3), shade, np.uint8) for shade in range(0, 120, 10)]
    videos = []
    for number, count in enumerate((12, 12, 8)):
        path = write_video(f"v_Diving_g01_c0{number}.avi", frames[:count])
        videos.append(Video(path, 0, "g01"))
    dataset = VideoDataset("ucf101", tmp_path, ("Diving",), (), tuple(videos))
    tube = Tube(3, np.array([[80, 60, 160, 120]] * 4))
    boxes = {"v_Diving_g01_c00": VideoBoxes(12, (tube,)), "v_Diving_g01_c02": VideoBoxes(12, (tube,))}
    # The second has no boxes, and the third fewer frames than its own are made for.
    (one,) = dataset_scenes(dataset, boxes)
    assert one.name.endswith("/v_Diving_g01_c00")
    assert one.active.tolist() == [3 <= t < 7 for t in range(12)]
    assert one.limbs[3].sum() == 12 * 16
    assert one.limbs[3, 6:18, 8:24].all()
    assert not one.limbs[2].any()

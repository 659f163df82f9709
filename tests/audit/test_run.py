"""Audits: the same numbers as one clip at a time, whatever ran them; resumed, refused, damaged."""

import json
import os
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import videxplain as vx
from tests.attribution.networks import Turncoat
from tests.audit.conftest import Tiny, same
from videxplain.attribution.registry import METHODS
from videxplain.audit.answers import Question
from videxplain.audit.api import run_audit
from videxplain.audit.batches import Batches
from videxplain.audit.report.build import VideosGoneWarning, build_report
from videxplain.audit.report.words import footer_of, settings_in_words
from videxplain.audit.result import Audit
from videxplain.data.datasets.open import open_dataset
from videxplain.data.datasets.types import Video, VideoDataset
from videxplain.errors import VidexplainError
from videxplain.runs.engines import Processes
from videxplain.runs.entries import list_entries
from videxplain.viz.video import save_video


@pytest.fixture(scope="module")
def done(figures, tmp_path_factory):
    model = Tiny().eval()
    data = open_dataset(figures)
    audit = run_audit(model, data, tmp_path_factory.mktemp("out") / "audit", subset="all", shard=5)
    assert audit is not None
    return model, data, audit


def test_a_row_is_what_explain_says_of_the_clip(done):
    model, _, audit = done
    table = audit.videos
    assert len(table) == 28
    for number in (0, 9, 27):
        row, path = table.iloc[number], audit.path(number)
        expected = vx.explain(model, path)
        assert row["prediction"] == expected.predictions[0][0]
        assert row["probability"] == pytest.approx(expected.predictions[0][1], abs=1e-5)
        np.testing.assert_allclose(row["curve"], expected.temporal, atol=1e-5 * expected.temporal.max())
        maps = np.stack(list(expected.maps))
        # Half precision keeps eleven bits.
        assert np.abs(audit.maps(number) - maps).max() <= 6e-4 * maps.max()
        assert row["scale"] == pytest.approx(expected.range[1], rel=1e-4)


def test_what_was_confused_has_the_truth_and_the_difference(done):
    model, _, audit = done
    wrong = np.flatnonzero(~audit.videos["correct"].to_numpy(bool))
    assert len(wrong) > 5
    number = int(wrong[0])
    row = audit.videos.iloc[number]
    for what, target in (("truth", row["truth"]), ("contrast", vx.Contrast(row["prediction"], row["truth"]))):
        expected = np.stack(list(vx.explain(model, audit.path(number), target=target).maps))
        assert np.abs(audit.maps(number, what) - expected).max() <= 6e-4 * expected.max() + 1e-12
    right = int(np.flatnonzero(audit.videos["correct"].to_numpy(bool))[0])
    with pytest.raises(VidexplainError, match="no map 'truth'"):
        audit.maps(right, "truth")


def test_windows_in_which_the_winner_was_unlikely_are_explained_for_it_too(write_video):
    frames = np.full((20, 8, 8, 3), 255, np.uint8)
    frames[:6] = 0
    path = write_video("turns.avi", frames)
    model = Turncoat(4, 7)
    # On black, the last class is a hundred times less likely than the first.
    assert vx.predict(model, frames[:4])[0][0] == "class 0"
    (answer,) = Batches(model, model.config, METHODS["gradcam"]).explain([Question(0, path)])
    expected = vx.explain(model, path, target=6)
    assert answer.prediction == 6
    assert answer.windows > len(answer.whole.windows)
    np.testing.assert_allclose(np.stack(list(answer.maps["prediction"])), np.stack(list(expected.maps)), rtol=1e-5)


def test_the_known_evidence_is_compared(done):
    from videxplain.actionfigures import read_evidence
    from videxplain.metrics.localisation import energy
    from videxplain.viz.overlay import enlarge

    _, _, audit = done
    mask = read_evidence(audit.path(3)).limbs
    large = np.stack([enlarge(one, mask.shape[1:]) for one in audit.maps(3)])
    assert audit.videos["energy"].iloc[3] == pytest.approx(energy(large, mask), abs=1e-3)


def test_workers_and_shards_do_not_matter(done, tmp_path):
    model, data, audit = done
    other = run_audit(model, data, tmp_path / "b", subset="all", shard=5, engine=Processes(2))
    assert other is not None
    same(audit.videos, other.videos)
    for number in (0, 13):
        assert np.array_equal(audit.maps(number), other.maps(number))
    larger = run_audit(model, data, tmp_path / "c", subset="all", shard=28)
    assert larger is not None
    same(audit.videos, larger.videos)


def test_jobs_of_an_array_and_a_run_that_was_stopped(done, tmp_path):
    model, data, audit = done
    out = tmp_path / "audit"
    assert run_audit(model, data, out, subset="all", shard=5, part="2/2") is None
    with pytest.raises(VidexplainError, match="not finished"):
        Audit.load(out)
    # A shard that was begun and not finished leaves nothing that counts.
    (out / "maps.zarr" / "00000").mkdir()
    seen = []
    finished = run_audit(model, data, out, subset="all", shard=5, progress=lambda done, total: seen.append(done))
    assert seen == [15, 20, 28] or seen[0] > 5
    assert finished is not None
    same(audit.videos, finished.videos)


def test_another_network_or_data_set_is_refused(done, tmp_path):
    model, data, _ = done
    out = tmp_path / "audit"
    run_audit(model, data, out, subset="test", shard=5, trust=False)
    with pytest.raises(VidexplainError, match="another state of the network: choose another --out"):
        run_audit(Tiny(seed=1).eval(), data, out, subset="test", shard=5, trust=False)
    with pytest.raises(VidexplainError, match=r"another subset \(test, not all\)"):
        run_audit(model, data, out, subset="all", shard=5, trust=False)
    with pytest.raises(VidexplainError, match=r"another method \(gradcam, not layercam\)"):
        run_audit(model, data, out, subset="test", shard=5, trust=False, method="layercam")


@pytest.mark.parametrize("left", [0, 100])
def test_a_damaged_table_is_one_line(figures, tmp_path, tiny, left):
    data, out = open_dataset(figures), tmp_path / "out"
    begun = {"trust": False, "limit": 2, "shard": 1}
    assert run_audit(tiny, data, out, part="1/2", **begun) is None
    (part,) = (out / "shards").glob("*.parquet")
    whole = part.read_bytes()
    part.write_bytes(whole[:left])
    with pytest.raises(VidexplainError, match=f"cannot read {re.escape(str(part))}: "):
        run_audit(tiny, data, out, **begun)
    part.write_bytes(whole)
    audit = run_audit(tiny, data, out, **begun)
    (out / "videos.parquet").write_bytes((out / "videos.parquet").read_bytes()[:left])
    with pytest.raises(VidexplainError, match=r"cannot read .*videos\.parquet: "):
        _ = Audit.load(audit.folder).videos


@pytest.mark.parametrize("name", ["zarr.json", "c/0/0/0"])
def test_a_damaged_map_is_one_line(figures, tmp_path, tiny, name):
    audit = run_audit(tiny, open_dataset(figures), tmp_path / "out", trust=False, limit=1)
    kept = audit.folder / "maps.zarr" / "00000" / audit.videos["name"].iloc[0] / "prediction"
    (kept / name).write_bytes((kept / name).read_bytes()[:20])
    with pytest.raises(VidexplainError, match=f"cannot read {re.escape(str(kept))}: "):
        audit.maps(0)


def test_settings_of_an_earlier_version_have_the_defaults_of_later_ones(figures, tmp_path, tiny):
    """A run that was begun before there was a setting goes on."""
    data, out = open_dataset(figures), tmp_path / "out"
    begun = {"trust": False, "limit": 2, "shard": 1}
    assert run_audit(tiny, data, out, part="1/2", **begun) is None
    kept = json.loads((out / "audit.json").read_text())
    del kept["boxes"], kept["view"]
    (out / "audit.json").write_text(json.dumps(kept))
    done = run_audit(tiny, data, out, trust=False, limit=2)  # in the shards that it was begun with
    assert (len(done.videos), done.settings.shard) == (2, 1)
    assert run_audit(tiny, data, tmp_path / "new", trust=False, limit=2).settings.shard == 16
    kept["view"] = "whole"
    (out / "audit.json").write_text(json.dumps(kept))
    with pytest.raises(VidexplainError, match=r"another view \(whole, not model\)"):
        run_audit(tiny, data, out, **begun)


def test_damaged_and_missing_videos_are_rows_with_an_error(figures, tmp_path, tiny):
    videos = sorted((figures / "UCF-101").rglob("*.avi"))[:3]
    root = tmp_path / "videos"
    for folder in ("a", "b"):
        (root / folder).mkdir(parents=True)
    shutil.copy(videos[0], root / "a" / "clip.avi")
    shutil.copy(videos[1], root / "b" / "clip.avi")
    (root / "broken <b>.avi").write_bytes(b"no video")
    listed = [root / "a" / "clip.avi", root / "b" / "clip.avi", root / "broken <b>.avi", root / "gone.avi"]
    data = VideoDataset("mine", root, (), (), tuple(Video(path, -1, "") for path in listed))
    audit = run_audit(tiny, data, tmp_path / "out")
    assert audit is not None
    table = audit.videos
    assert table["error"].notna().tolist() == [False, False, True, True]
    assert table["name"].is_unique
    assert not table["truth"].notna().any()
    assert not np.array_equal(audit.maps(0), audit.maps(1))
    with pytest.raises(VidexplainError, match="no map 'prediction' of broken-b"):
        audit.maps(2)
    page = build_report(audit)
    text = page.read_text(encoding="utf-8")
    assert "broken &lt;b&gt;.avi" in text
    assert "broken <b>.avi" not in text
    assert not (page.parent / "confusion.html").exists()
    with pytest.raises(VidexplainError, match=r"broken <b>\.avi: "):
        run_audit(tiny, data, tmp_path / "strict", strict=True)


def test_names_are_told_apart_whatever_the_case(tmp_path):
    listed = tuple(Video(tmp_path / name, -1, "") for name in ("a/X.mp4", "b/x.mp4", "c/&;.mp4"))
    names = [entry.name for entry in list_entries(VideoDataset("d", tmp_path, (), (), listed), "test")]
    assert len({name.casefold() for name in names}) == 3
    assert all(name and name.strip(".-") == name for name in names)


def test_names_are_told_apart_from_names_that_end_in_numbers():
    listed = [
        Video(Path("d") / name, -1, "") for name in ("x/a.mp4", "y/a.mp4", "a-1.mp4", "A-0.avi", "é" * 125 + ".ts")
    ]
    names = [entry.name for entry in list_entries(VideoDataset("d", Path("d"), (), (), tuple(listed)), "test")]
    assert names == ["a-0-0", "a-1-1", "a-1", "A-0", "é" * 100]


def test_the_videos_of_a_list_are_relative_to_its_folder(figures, tmp_path, tiny, monkeypatch):
    source = next((figures / "UCF-101" / "Walk").glob("*.avi"))
    (tmp_path / "data").mkdir()
    shutil.copy(source, tmp_path / "data" / "a.avi")
    os.link(source, os.fsencode(tmp_path / "data") + b"/\xe9.avi")
    (tmp_path / "data" / "list.csv").write_bytes(b"path,label\na.avi,Walk\n")
    monkeypatch.chdir(tmp_path)
    listed = open_dataset("data/list.csv", for_training=False)
    latin = Video(Path(os.fsdecode(b"data/\xe9.avi")), 0, os.fsdecode(b"\xe9"))
    audit = run_audit(tiny, replace(listed, test=(*listed.test, latin)), "out", trust=False)
    assert audit.videos["path"].tolist() == ["a.avi", "\\udce9.avi"]
    assert [audit.path(number).is_file() for number in (0, 1)] == [True, True]
    page = build_report(audit)
    assert len(list((page.parent / "media").glob("*.mp4"))) == 2
    # Elsewhere the videos are not found, and the report says so.
    monkeypatch.chdir("/")
    with pytest.warns(VideosGoneWarning, match="2 of 2 clips have no video here: no such file: data/a.avi; run"):
        build_report(Audit.load(tmp_path / "out"))
    assert "2 of 2 clips have no video here" in (tmp_path / page).read_text(encoding="utf-8")


def test_a_video_that_has_changed_is_not_shown_with_the_old_maps(figures, tmp_path, tiny):
    root = tmp_path / "videos"
    root.mkdir()
    for name in ("a.avi", "b.avi"):
        shutil.copy(next((figures / "UCF-101" / "Walk").glob("*.avi")), root / name)
    audit = run_audit(tiny, root, tmp_path / "out", trust=False)
    save_video(tmp_path / "other.mp4", iter(np.zeros((7, 64, 80, 3), np.uint8)), 25.0)
    shutil.copy(tmp_path / "other.mp4", root / "b.avi")
    with pytest.warns(VideosGoneWarning, match=r"1 of 2 clips .*b.avi has changed: 7 frames, not 20"):
        page = build_report(audit)
    assert [path.stem for path in (page.parent / "media").glob("*.mp4")] == ["a"]
    save_video(tmp_path / "same_length.mp4", iter(np.zeros((20, 64, 80, 3), np.uint8)), 25.0)
    shutil.copy(tmp_path / "same_length.mp4", root / "b.avi")
    with pytest.warns(VideosGoneWarning, match=r"1 of 2 clips .*b.avi has changed since the audit"):
        build_report(audit)


def test_labels_that_the_network_does_not_know_are_said(dataset, tmp_path, tiny):
    labels = ("Walking", *dataset.labels[1:])
    audit = run_audit(tiny, replace(dataset, labels=labels), tmp_path / "out", subset="all", trust=False)
    others = int((audit.videos["truth"] == "Walking").sum())
    assert others == 2
    assert "the accuracy leaves out 2 of 28 videos, because their labels are no classes of the network" in audit.notes


def test_a_part_without_videos_is_refused(figures, tmp_path, tiny):
    alone = tmp_path / "data" / "Walk"
    alone.mkdir(parents=True)
    shutil.copy(next((figures / "UCF-101" / "Walk").glob("*.avi")), alone)
    with pytest.raises(VidexplainError, match="has no test videos: say --subset train or --subset all"):
        run_audit(tiny, tmp_path / "data", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert len(run_audit(tiny, tmp_path / "data", tmp_path / "out", subset="all", trust=False).videos) == 1


def test_classes_that_do_not_meet(dataset, tmp_path, tiny):
    tiny.config = tiny.config.replace(labels=tuple(f"other {k}" for k in range(14)))
    with pytest.raises(VidexplainError, match="are none of the network's"):
        run_audit(tiny, dataset, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    audit = run_audit(tiny, dataset, tmp_path / "out", labelled=False, trust=False, limit=2)
    assert audit is not None
    assert not audit.videos["truth"].notna().any()


def test_videos_shorter_than_a_window_are_filled_and_counted(dataset, tmp_path):
    model = Tiny(frames=24).eval()
    done = run_audit(model, dataset, tmp_path / "filled", trust=False, limit=2)
    assert done.videos["error"].isna().all()
    assert done.videos["filled"].tolist() == [4, 4]
    assert done.videos["frames"].tolist() == [20, 20]
    assert done.notes == ("2 videos have fewer frames than the network sees: the last frame of each is repeated",)
    with pytest.warns(UserWarning, match="has 20 frames and the network sees 24"):
        expected = [vx.predict(model, done.path(i)) for i in range(2)]
    for row, ranked in zip(done.videos.itertuples(), expected, strict=True):
        assert (row.prediction, pytest.approx(row.probability, abs=1e-5)) == ranked[0]
    refused = run_audit(Tiny(frames=41).eval(), dataset, tmp_path / "refused", trust=False, limit=1)
    assert refused.videos["error"].tolist() == [
        "too few frames: the clip has 20 frames, and the model needs at least 21 of the 41 that it sees"
    ]
    assert refused.notes == ()


class Mixing(Tiny):
    """Each clip's answer depends on the others of its batch."""

    def forward(self, x):
        return super().forward(x) + x.mean((0, 1, 2, 3, 4)) * 50 * torch.arange(14)


def test_a_network_that_mixes_its_batch_gets_windows_one_by_one(dataset, tmp_path):
    """As one that normalises by batch statistics does."""
    model = Mixing().eval()
    audit = run_audit(model, dataset, tmp_path / "out", trust=False, limit=3)
    assert audit is not None
    for number in range(3):
        expected = dict(vx.predict(model, audit.path(number)))
        row = audit.videos.iloc[number]
        assert row["probability"] == pytest.approx(expected[row["prediction"]], abs=1e-5)


def test_a_network_with_one_logit_has_two_outcomes(dataset, tmp_path):
    model = Tiny(classes=1).eval()
    model.config = model.config.replace(output="binary", labels=("fall", "no fall"))
    with torch.no_grad():
        model.fc.bias.fill_(-3.0)
    audit = run_audit(model, dataset, tmp_path / "out", labelled=False, limit=2)
    assert audit is not None
    for number in range(2):
        expected = vx.predict(model, audit.path(number))
        assert audit.videos["prediction"].iloc[number] == "no fall" == expected[0][0]
        assert audit.videos["probability"].iloc[number] == pytest.approx(expected[0][1], abs=1e-6)


def test_what_the_network_expects_can_be_said(dataset, tmp_path):
    """As for one clip: the frames of a bundled network from all over the video."""
    said = {"sampling": "uniform"}
    audit = run_audit("c3d", dataset, tmp_path / "out", expects=said, trust=False, limit=2)
    assert audit.settings.repeated("VIDEO") == "videxplain gradcam --model c3d --set sampling=uniform --clip VIDEO"
    assert audit.settings.title == f"Grad-CAM of c3d on {Path(audit.settings.data).name}"
    assert footer_of(audit, 2, 2).startswith("Grad-CAM of c3d, weights: ")
    assert ("method", "Grad-CAM") in settings_in_words(audit)
    network = vx.load_model("c3d", **said)
    for number, row in audit.videos.iterrows():
        expected = vx.explain(network, audit.path(number)).predictions[0]
        assert (row["prediction"], row["probability"]) == (expected[0], pytest.approx(expected[1], abs=1e-5))
    with pytest.raises(VidexplainError, match="another expects"):
        run_audit("c3d", dataset, tmp_path / "out", trust=False, limit=2)

import numpy as np
import pytest
import torch

from videxplain.data.augmentation import Augmentation
from videxplain.data.datasets.frames import read_video_frames
from videxplain.data.datasets.open import open_dataset
from videxplain.data.datasets.types import Video
from videxplain.data.transforms import to_model_input
from videxplain.errors import VidexplainError
from videxplain.evaluation.clips import Clips, find_readable
from videxplain.evaluation.loading import PassSampler, make_loader
from videxplain.models.config import ModelConfig
from videxplain.train.frame_cache import FrameCache, resized

CONFIG = ModelConfig("i3d", 2, 8, (16, 16), "consecutive", "layer4", "conv1")
LOOK = (CONFIG.size, CONFIG.mean, CONFIG.std)


@pytest.fixture(scope="module")
def found(tree):
    return find_readable(open_dataset(tree).train)


def clips_of(found, clips="one", augmentation="resize", **settings):
    return Clips(found, CONFIG, clips=clips, augmentation=Augmentation(augmentation, *LOOK), **settings)


def test_damaged_and_missing_videos_are_named_and_left_out(tree, tmp_path):
    good = open_dataset(tree).train[:2]
    (tmp_path / "torn.avi").write_bytes(good[0].path.read_bytes()[:900])
    videos = [good[0], Video(tmp_path / "torn.avi", 0, "g"), Video(tmp_path / "gone.avi", 1, "g"), good[1]]
    told = []
    found = find_readable(videos, workers=2, progress=lambda done, total: told.append((done, total)))
    assert found.videos == good
    assert found.counts == (12, 12)
    assert [path.name for path, _ in found.skipped] == ["torn.avi", "gone.avi"]
    assert all(path.name in reason for path, reason in found.skipped)
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    with pytest.raises(VidexplainError, match=r"torn\.avi"):
        find_readable(videos, strict=True)


def test_the_middle_window_is_what_validation_sees(found):
    clip, label, position = clips_of(found)[0, 3]
    frames = read_video_frames(found.videos[3].path, range(2, 10))  # 12 frames, 8 of them: 2 left on either side
    np.testing.assert_array_equal(clip, to_model_input(frames, size=LOOK[0], mean=LOOK[1], std=LOOK[2]))
    assert (label, position) == (found.videos[3].label, 3)


def test_five_clips_of_a_video_follow_each_other(found):
    clips = clips_of(found, "five")
    assert len(clips) == 5 * len(found.videos)
    starts = [clips.frames_of(0, window, None)[0] for window in range(5)]
    assert starts == [0, 1, 2, 3, 4]  # room for 4 more frames, spread over four steps
    _, _, position = clips[0, 14]
    assert position == 2


def test_a_window_at_random_follows_from_seed_pass_and_number_alone(found):
    clips, again = (clips_of(found, augmentation="flip", at_random=True, seed=5) for _ in range(2))
    other = clips_of(found, augmentation="flip", at_random=True, seed=6)
    first, same = clips[3, 1][0], again[3, 1][0]
    assert torch.equal(first, same)
    assert not torch.equal(first, clips[4, 1][0])
    assert not torch.equal(first, other[3, 1][0])


def test_segments_are_drawn_in_training_and_are_the_middles_in_validation(found):
    rng = np.random.default_rng(1)
    validation, training = (clips_of(found, "segments", at_random=at_random) for at_random in (False, True))
    assert validation.frames_of(0, 0, rng).tolist() == [0, 2, 3, 5, 6, 8, 9, 11]
    sets = [training.frames_of(0, 0, rng) for _ in range(20)]
    assert len({tuple(frames) for frames in sets}) > 5
    assert all(frames[k] in range(12 * k // 8, 12 * (k + 1) // 8) for frames in sets for k in range(8))


@pytest.mark.long
def test_processes_make_no_difference(found):
    clips = clips_of(found, augmentation="crop", at_random=True)
    batches = []
    for workers in (0, 2):
        sampler = PassSampler(len(clips), seed=1, shuffle=True)
        sampler.set_epoch(2)
        batches.append([batch[0] for batch in make_loader(clips, sampler, batch_size=6, workers=workers)])
    assert len(batches[0]) == len(batches[1]) == 4
    assert all(torch.equal(one, two) for one, two in zip(*batches, strict=True))


@pytest.mark.parametrize("size", [None, (16, 16)])
def test_frames_in_memory_are_those_on_disk(found, size):
    cache = FrameCache(size)
    assert cache.fill(found, limit=10**9)
    for number in range(3):
        held = clips_of(found, augmentation="flip", at_random=True, read=cache.read)[0, number][0]
        read = clips_of(found, augmentation="flip", at_random=True)[0, number][0]
        np.testing.assert_allclose(held, read, atol=1e-6)


def test_a_cache_that_would_not_fit_says_so_and_holds_nothing(found):
    cache = FrameCache(None)
    whole = len(found.videos) * 12 * 24 * 32 * 3
    assert not cache.fill(found, limit=whole - 1)
    assert cache.fill(found, limit=whole)
    assert not cache.fill(found, limit=whole)  # what is held already counts
    frames = read_video_frames(found.videos[0].path, [0, 5])
    np.testing.assert_array_equal(cache.read(found.videos[0].path, np.array([0, 5])), frames)


def test_frames_are_resized_as_the_network_sees_them():
    frames = np.random.default_rng(0).integers(0, 256, (2, 20, 40, 3)).astype(np.uint8)
    once = to_model_input(frames, size=(16, 48), mean=LOOK[1], std=LOOK[2])
    np.testing.assert_array_equal(
        to_model_input(resized(frames, (16, 48)), size=(16, 48), mean=LOOK[1], std=LOOK[2]), once
    )


def test_the_order_follows_from_the_epoch_and_every_clip_comes_once():
    sampler = PassSampler(10, seed=3, shuffle=True)
    orders = []
    for epoch in (0, 1, 0):
        sampler.set_epoch(epoch)
        orders.append(list(sampler))
        assert [turn for turn, _ in orders[-1]] == [epoch] * 10
        assert sorted(number for _, number in orders[-1]) == list(range(10))
    assert orders[0] == orders[2]
    assert [n for _, n in orders[0]] != [n for _, n in orders[1]]
    assert list(PassSampler(3, seed=3, shuffle=False)) == [(0, 0), (0, 1), (0, 2)]


def test_a_small_dataset_comes_again_in_another_order():
    sampler = PassSampler(3, seed=0, shuffle=True, total=7)
    sampler.set_epoch(1)
    order = list(sampler)
    assert len(sampler) == 7
    assert [turn for turn, _ in order] == [3, 3, 3, 4, 4, 4, 5]  # three passes an epoch; the first epoch had 0 to 2
    assert [sorted(n for _, n in order[i : i + 3]) for i in (0, 3)] == [[0, 1, 2], [0, 1, 2]]


def test_machines_share_the_clips_and_take_as_many_each():
    parts = [list(PassSampler(7, seed=0, shuffle=True, rank=rank, world=3)) for rank in range(3)]
    assert [len(part) for part in parts] == [3, 3, 3]
    once = [index for part in parts for index in part if index[0] == 0]
    assert sorted(number for _, number in once) == list(range(7))  # the other two are of a second pass
    tested = [list(PassSampler(7, seed=0, shuffle=False, rank=rank, world=3)) for rank in range(3)]
    assert [[number for _, number in part] for part in tested] == [[0, 3, 6], [1, 4], [2, 5]]

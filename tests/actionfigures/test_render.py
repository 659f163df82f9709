"""Rendered clips: the same from the same seed, and the evidence where the action is."""

import numpy as np
import pytest

from tests.actionfigures.oracle import measure
from videxplain.actionfigures import LABELS, Difficulty, bodies, render, render_clip
from videxplain.actionfigures.acts import ACTS, perform
from videxplain.actionfigures.bodies import Body as Standing
from videxplain.actionfigures.bodies import bystander, rehearse
from videxplain.actionfigures.camera import KINDS, make_camera
from videxplain.actionfigures.figure import LIMBS
from videxplain.actionfigures.idling import idle
from videxplain.actionfigures.motion import GRASP, PLACE, TABLE, Style
from videxplain.actionfigures.skeleton import Body, Pose, solve
from videxplain.actionfigures.things import MOVERS, THING_NAME, carried_parcel
from videxplain.errors import VidexplainError

STILL = Difficulty(camera=0.0)


@pytest.fixture(scope="module")
def clips():
    return {label: render_clip(label, seed=[5, i], difficulty=STILL) for i, label in enumerate(LABELS)}


def test_there_are_fourteen_classes_and_two_pairs_that_order_alone_tells_apart():
    assert len(LABELS) == 14
    for forward, backward in (("SitDown", "StandUp"), ("PickUp", "PutDown")):
        there, back = ACTS[forward], ACTS[backward]
        assert (there.pose, there.limbs, there.frames, there.thing) == (back.pose, back.limbs, back.frames, back.thing)
        assert (there.backwards, back.backwards) == (False, True)


def test_the_same_seed_gives_the_same_pixels():
    first, again = (render_clip("Kick", seed=[1, 2]) for _ in range(2))
    np.testing.assert_array_equal(first.frames, again.frames)
    np.testing.assert_array_equal(first.evidence, again.evidence)
    assert np.any(first.frames != render_clip("Kick", seed=[1, 3]).frames)


@pytest.mark.parametrize("seed", range(3))
def test_whether_the_camera_moves_changes_nothing_else(seed, monkeypatch):
    def make_still(kind, frames, size, rng):
        kinds.append(kind)
        rng.uniform(size=KINDS.index(kind) if kind in KINDS else 7)  # as many draws as it likes
        return make_camera("still", frames, size, rng)

    kinds = []
    monkeypatch.setattr(render, "make_camera", make_still)
    still, moving = (render_clip("Walk", seed=seed, difficulty=Difficulty(camera=share)) for share in (0.0, 1.0))
    assert kinds[0] == "still"
    assert kinds[1] in KINDS
    np.testing.assert_array_equal(still.frames, moving.frames)


def test_a_group_shares_its_place():
    first, second = (render_clip("Bow", seed=s, group_seed=9, difficulty=STILL) for s in (1, 2))
    corner = np.s_[:, :20, :20]
    # Grain and flicker differ; the place does not.
    assert np.abs(first.frames[corner].mean((0, 1, 2)) - second.frames[corner].mean((0, 1, 2))).max() < 4
    other = render_clip("Bow", seed=1, group_seed=10, difficulty=STILL)
    assert np.abs(first.frames.mean((0, 1, 2)) - other.frames.mean((0, 1, 2))).max() > 8


@pytest.mark.parametrize("label", LABELS)
def test_evidence_is_there_while_the_action_goes_on(label, clips):
    clip = clips[label]
    assert clip.active.any()
    shown = clip.evidence.any((1, 2))
    np.testing.assert_array_equal(shown & ~clip.active, False)
    # A limb may vanish behind the body for a moment.
    assert shown[clip.active].mean() > 0.85
    share = clip.evidence[clip.active].mean()
    assert 0.002 < share < 0.25
    if not ACTS[label].thing:
        assert not np.any(clip.evidence & ~clip.people)
    if ACTS[label].limbs != LIMBS:
        assert clip.evidence.sum() < clip.people.sum()


@pytest.mark.parametrize("label", LABELS)
def test_an_act_moves_the_limbs_that_carry_it_and_leaves_the_others_to_themselves(label):
    act, body, style = ACTS[label], Body(), Style(1.0, 0, 0.0)
    rest = idle(48, np.random.default_rng(1), may_walk=True)[0]
    pose = perform(act, rest, body, style, 0.0, np.random.default_rng(0)).pose
    own = {
        "legs": (pose.root, pose.feet, pose.toes),
        "torso": (pose.lean, pose.curl),
        "acting arm": (pose.hands[:, 0], pose.reach[:, 0]),
        "other arm": (pose.hands[:, 1], pose.reach[:, 1]),
    }
    left = {
        "legs": (rest.root, rest.feet, rest.toes),
        "torso": (rest.lean, rest.curl),
        "acting arm": (rest.hands[:, 0], rest.reach[:, 0]),
        "other arm": (rest.hands[:, 1], rest.reach[:, 1]),
    }
    limbs = {"legs" if limb.endswith("leg") else limb for limb in act.limbs}
    for name in own:
        same = all(np.array_equal(mine, theirs) for mine, theirs in zip(own[name], left[name], strict=True))
        assert same == (name not in limbs), name


def test_the_mask_is_the_evidence():
    """A quick run: the module's own command draws more clips, and the model card names its figures."""
    inside, outside = measure(980, epochs=12)
    assert inside >= 0.97
    assert outside <= 1.5 / len(LABELS) + 0.02  # of 245 clips, whose standard error is 1.8 points


@pytest.mark.parametrize("label", LABELS)
def test_chairs_and_tables_are_there_in_most_clips_of_every_class(label):
    cast = render.draw_cast((120, 160), np.random.default_rng(0))
    acts = [rehearse(ACTS[label], cast, 8, 0.15, np.random.default_rng(seed)) for seed in range(60)]
    for name in ("chair", "table"):
        share = np.mean([getattr(acting, name) for acting in acts])
        needed = {"chair": "chair", "table": "parcel"}[name] == ACTS[label].thing
        assert share == 1 if needed else 0.55 < share < 0.92


def test_nobody_who_stands_by_walks():
    for seed in range(40):
        _, way = idle(24, np.random.default_rng(seed), may_walk=False)
        np.testing.assert_array_equal(way, 0)
    walking = [np.ptp(idle(24, np.random.default_rng(seed), may_walk=True)[1]) > 0 for seed in range(200)]
    assert 0.05 < np.mean(walking) < 0.25


@pytest.mark.parametrize(("forward", "backward"), [("SitDown", "StandUp"), ("PickUp", "PutDown")])
def test_one_of_a_pair_is_the_other_backwards(forward, backward):
    body, style = Body(), Style(1.0, 1, 0.3)
    there, back = (
        perform(ACTS[a], Pose.standing(40), body, style, 0.0, np.random.default_rng(3)) for a in (forward, backward)
    )
    for name in ("root", "lean", "hands", "feet", "grips", "reach"):
        np.testing.assert_allclose(getattr(there.pose, name), getattr(back.pose, name)[::-1], atol=1e-12)
    np.testing.assert_array_equal(there.active, back.active[::-1])
    np.testing.assert_array_equal(there.share, back.share[::-1])


def test_what_does_not_act_goes_forward_in_both_of_a_pair():
    body, style = Body(), Style(1.0, 0, 0.3)
    rest = idle(40, np.random.default_rng(2), may_walk=True)[0]
    there, back = (perform(ACTS[a], rest, body, style, 0.0, np.random.default_rng(3)) for a in ("PickUp", "PutDown"))
    np.testing.assert_array_equal(there.pose.hands[:, 1], back.pose.hands[:, 1])
    np.testing.assert_array_equal(there.pose.feet, back.pose.feet)


@pytest.mark.parametrize(("forward", "backward"), [("SitDown", "StandUp"), ("PickUp", "PutDown")])
def test_a_pair_shows_the_same_frames_in_the_other_order(forward, backward, monkeypatch):
    """Without what else moves in the scene; the grain is below 30."""

    class Nothing:
        def paint(self, *_, **__): ...

    for name in ("bystander", "mover", "furniture"):
        monkeypatch.setattr(render, name, lambda *_: Standing(0.0, Nothing(), None, 0))
    monkeypatch.setattr(bodies, "idle", lambda count, *_, **__: (Pose.standing(count), np.zeros(count)))
    monkeypatch.setattr(bodies, "held_thing", lambda *_: [])
    for seed in range(4):
        there, back = (render_clip(label, seed=seed, difficulty=STILL) for label in (forward, backward))
        for name in ("evidence", "people", "active"):
            np.testing.assert_array_equal(getattr(there, name), getattr(back, name)[::-1])
        assert np.abs(there.frames.astype(int) - back.frames[::-1]).max() < 40


@pytest.mark.parametrize("label", ["PickUp", "PutDown"])
@pytest.mark.parametrize("both", [False, True])
def test_what_nobody_holds_lies_on_the_table(label, both):
    body, style = Body(), Style(1.0, int(both), 0.0)
    performance = perform(ACTS[label], Pose.standing(48), body, style, 0.15, np.random.default_rng(0))
    parcel = carried_parcel(solve(body, performance.pose, 1), performance, both, (200, 0, 0))[0].spheres.mean(1)
    free = performance.share < GRASP
    assert free.any()
    assert not free.all()
    np.testing.assert_allclose(parcel[free, 1], PLACE[1], atol=0.03)
    assert parcel[~free, 1].max() > TABLE + 0.15
    assert np.linalg.norm(np.diff(parcel, axis=0), axis=1).max() < 0.2


def test_beginnings_and_ends_of_a_pair_are_as_long_as_each_other():
    # Otherwise how long somebody stands would tell the order of time.
    body, style = Body(), Style(1.0, 0, 0.0)
    before, after = [], []
    for seed in range(400):
        active = perform(ACTS["SitDown"], Pose.standing(48), body, style, 0.15, np.random.default_rng(seed)).active
        before.append(int(np.argmax(active)))
        after.append(int(np.argmax(active[::-1])))
    assert np.mean(before) == pytest.approx(np.mean(after), abs=0.5)
    assert np.std(before) == pytest.approx(np.std(after), abs=0.5)


def test_bones_keep_their_length_and_feet_stay_on_the_ground():
    body = Body()
    for label, act in ACTS.items():
        style = Style(1.1, 1, 0.0)
        joints = solve(body, act.pose(np.linspace(0, 1, 30), body, style), -1)
        for middle, root, end, upper, lower in (
            (joints.knees, joints.hips, joints.ankles, body.thigh, body.shin),
            (joints.elbows, joints.shoulders, joints.wrists, body.upper_arm, body.forearm),
        ):
            np.testing.assert_allclose(np.linalg.norm(middle - root, axis=-1), upper, atol=1e-9, err_msg=label)
            np.testing.assert_allclose(np.linalg.norm(end - middle, axis=-1), lower, atol=1e-9, err_msg=label)
        assert joints.ankles[..., 1].min() > 0.02, label
        # Knees bend forward, as seen from the line between hip and ankle.
        line = joints.ankles - joints.hips
        along = ((joints.knees - joints.hips) * line).sum(-1, keepdims=True) / (line**2).sum(-1, keepdims=True)
        assert (joints.knees - joints.hips - along * line)[..., 2].min() > -1e-6, label


def test_left_and_right_handed_figures_mirror_each_other():
    body, pose = Body(), Pose.standing(2)
    pose.hands[:, 0] = [0.4, 0.5, 0.2]
    left, right = solve(body, pose, 1), solve(body, pose, -1)
    np.testing.assert_allclose(left.wrists * [-1, 1, 1], right.wrists, atol=1e-12)
    assert left.wrists[0, 0, 0] > 0 > right.wrists[0, 0, 0]


@pytest.mark.parametrize("kind", KINDS)
def test_a_camera_moves_the_masks_with_the_picture(kind):
    seed = next(s for s in range(99) if render_clip("Wave", seed=s, difficulty=Difficulty(camera=1.0)).camera == kind)
    moved = render_clip("Wave", seed=seed, difficulty=Difficulty(camera=1.0))
    # Mask and picture agree: the people stand out from their surroundings as much as in a still clip.
    edges = np.abs(np.diff(moved.frames.astype(float).mean(-1), axis=2))
    border = np.diff(moved.people.astype(np.int8), axis=2) != 0
    assert edges[border].mean() > 2 * edges[~border].mean()


def test_cameras_do_what_they_are_called():
    rng = np.random.default_rng(0)
    pan, zoom = (make_camera(kind, 30, (120, 160), rng) for kind in ("pan", "zoom"))
    steps = np.diff(pan.shift, axis=0)
    np.testing.assert_allclose(steps, np.broadcast_to(steps[0], steps.shape), atol=1e-9)
    assert 16 <= np.linalg.norm(pan.shift[-1] - pan.shift[0]) <= 0.22 * 160
    np.testing.assert_array_equal(pan.zoom, 1)
    assert 0.12 <= abs(zoom.zoom[-1] - zoom.zoom[0]) <= 0.22
    np.testing.assert_array_equal(make_camera("still", 5, (120, 160), rng).shift, 0)


def test_a_cut_shows_another_scene_without_the_action():
    clip = render_clip("Clap", seed=3, difficulty=Difficulty(camera=0.0, cuts=1.0))
    assert clip.cut is not None
    parts = [np.s_[: clip.cut], np.s_[clip.cut :]]
    acting = [clip.evidence[part].any() for part in parts]
    assert sorted(acting) == [False, True]
    means = [clip.frames[part].mean((0, 1, 2)) for part in parts]
    assert np.abs(means[0] - means[1]).max() > 5
    assert all(clip.people[part].any() for part in parts)
    assert render_clip("Clap", seed=3, difficulty=STILL).cut is None


def test_leading_frames_show_nothing_of_the_action():
    clips = [render_clip("Punch", seed=s, num_frames=40, difficulty=Difficulty(lead=0.6, camera=0)) for s in range(6)]
    first = [int(np.argmax(clip.active)) for clip in clips]
    assert max(first) > 10
    for clip, start in zip(clips, first, strict=True):
        assert not clip.evidence[:start].any()


@pytest.mark.parametrize("make", MOVERS, ids=lambda make: make.__name__[1:])
def test_distractors_do_not_tell_which_way_time_goes(make):
    """The spread of places at the beginning and at the end is the same, and so is that of the steps, up to the sign."""
    starts, ends = [], []
    for seed in range(300):
        place = np.concatenate([part.spheres.mean(1) for part in make(20, np.random.default_rng(seed))], axis=1)
        starts.append(place[0])
        ends.append(place[-1])
    np.testing.assert_allclose(np.mean(starts, 0), np.mean(ends, 0), atol=0.12)
    np.testing.assert_allclose(np.std(starts, 0), np.std(ends, 0), atol=0.08)


@pytest.mark.parametrize("make", MOVERS, ids=lambda make: make.__name__[1:])
def test_distractors_begin_anywhere_in_their_course(make):
    """What swings or flaps is as likely up as down in the first frame, so that its phase tells no place in the clip."""
    first = [np.stack([part.spheres[0, -1] for part in make(20, np.random.default_rng(seed))]) for seed in range(400)]
    shapes = np.array([spheres[0] - spheres[-1] for spheres in first])  # one part relative to another
    moves = np.stack([part.spheres[:, -1] for part in make(200, np.random.default_rng(0))], 1)
    swing = np.ptp(moves[:, 0] - moves[:, -1], axis=0)
    for axis in np.flatnonzero(swing > 0.02):
        assert np.std(shapes[:, axis]) > 0.25 * swing[axis]


def test_people_on_boards_roll_either_way_they_face(monkeypatch):
    ways = []
    real = bodies.Outlines

    def watch(parts, *rest):
        ways.extend(part.spheres[-1, 0, 2] - part.spheres[0, 0, 2] for part in parts if part.name == THING_NAME)
        return real(parts, *rest)

    monkeypatch.setattr(bodies, "Outlines", watch)
    scene = render.draw_cast((120, 160), np.random.default_rng(0))
    camera = make_camera("still", 8, (120, 160), np.random.default_rng(0))
    for seed in range(400):
        bystander(scene, camera, np.array([80.0, 110.0]), 1.0, 1.0, np.random.default_rng(seed))
    assert len(ways) > 40
    assert 0.35 < np.mean(np.array(ways) > 0) < 0.65


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"label": "Wvae"}, "unknown action 'Wvae'"),
        ({"label": "Wave", "num_frames": 0}, "at least 1 frame"),
        ({"label": "Wave", "size": (20, 160)}, "at least 1 frame of 32x32 pixels, not 48 of 160x20"),
    ],
)
def test_what_cannot_be_rendered(arguments, message):
    with pytest.raises(VidexplainError, match=message):
        render_clip(seed=0, **arguments)


@pytest.mark.parametrize(("name", "value"), [("lead", 0.9), ("camera", 1.5), ("cuts", -0.1)])
def test_difficulties_are_shares(name, value):
    with pytest.raises(VidexplainError, match=f"{name} is a share from 0 to"):
        Difficulty(**{name: value})
